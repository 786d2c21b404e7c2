// Package pages allocates memory outside of Go's heap. Its bytes are zero at first. Its addresses never change, so C code and assembly may
// keep pointers to it.
//
// Large allocations begin at a multiple of 2 MiB, and Linux is asked to put them on huge pages, which are faster to read.
//
// Limits: memory that is not freed stays until the process ends.
package pages

import (
	"fmt"
	"unsafe"
)

// huge is the size of a huge page of most processors.
const huge = 2 << 20

// Memory is memory outside of Go's heap.
type Memory struct {
	whole []byte // as the system gave it
	bytes []byte
}

// Alloc returns n bytes, all of them zero. n must be positive.
func Alloc(n int64) (*Memory, error) {
	size, align := n, int64(1)
	if n >= huge {
		align = huge
		size += align
	}
	if n <= 0 || size < n || int64(int(size)) != size {
		return nil, fmt.Errorf("memory of %d bytes cannot be allocated", n)
	}
	whole, err := alloc(int(size))
	if err != nil {
		return nil, fmt.Errorf("the system does not give %d bytes of memory: end other programs, or raise the limit (ulimit -v): %w", n, err)
	}
	skip := -int64(uintptr(unsafe.Pointer(unsafe.SliceData(whole)))) & (align - 1)
	m := &Memory{whole, whole[skip : skip+n : skip+n]}
	if align == huge {
		adviseHuge(m.bytes)
	}
	return m, nil
}

// Bytes returns the memory. It must not be used after Free.
func (m *Memory) Bytes() []byte { return m.bytes }

// Free gives the memory back. It is safe to call twice.
func (m *Memory) Free() {
	if m == nil || m.whole == nil {
		return
	}
	free(m.whole)
	m.whole, m.bytes = nil, nil
}
