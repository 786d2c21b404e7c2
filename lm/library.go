package lm

import "github.com/gosling-rwkv/gosling/ggml"

// Library is an open ggml, which computes models and encodes quantized weights.
type Library = ggml.Library

// The errors of opening the libraries and of computing with them. FolderError is a folder that holds none, ErrNoLibrary that there
// are none in the usual places, and ThreadsError that the system has too few threads left.
type (
	FolderError  = ggml.FolderError
	ThreadsError = ggml.ThreadsError
)

// ErrNoLibrary says that ggml's libraries are in none of the usual places.
var ErrNoLibrary = ggml.ErrNotFound
