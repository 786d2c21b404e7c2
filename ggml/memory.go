package ggml

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/internal/mmap"
)

// ggml ends the process where malloc gives it nothing. What is large is therefore asked for here first.

// spareMemory is left to allocations that are not asked for: those of Go, and those of C below smallMemory.
const (
	spareMemory = 16 << 20
	smallMemory = 64 << 10
)

// memoryError reports memory that the system does not give: there is too little, or a limit is set.
type memoryError struct {
	what  string // what it is for
	bytes int64
}

func (e *memoryError) Error() string {
	return fmt.Sprintf("%s: the system does not give %d bytes of memory: end other programs, or raise the limit (ulimit -v)", e.what, e.bytes)
}

// room returns a memoryError if C cannot have n bytes.
func room(n int64, what string) error {
	if n >= smallMemory && !mmap.Room(n+spareMemory) {
		return &memoryError{what, n}
	}
	return nil
}

// header is the memory in bytes of a tensor's header in a context.
func (l *Library) header() int64 { return int64(l.c.TensorOverhead()) + 64 }

// headers makes a C context for the headers of n tensors, and extra bytes.
func (l *Library) headers(n int, extra int64) (bindings.Context, error) {
	size := int64(n+1)*l.header() + extra
	if err := room(size, fmt.Sprintf("the headers of %d tensors", n)); err != nil {
		return 0, err
	}
	return l.c.Init(bindings.InitParams{MemSize: uintptr(size), NoAlloc: true}), nil
}
