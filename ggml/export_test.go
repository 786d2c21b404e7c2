package ggml

type MemoryError = memoryError
