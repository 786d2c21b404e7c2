// Package pages allocates memory outside of Go's heap. Its bytes are zero at first. Its addresses never change, so C code and assembly may
// keep pointers to it.
//
// Allocations of 2 MiB and more begin at a multiple of 2 MiB. Linux is asked to put them on huge pages, which are faster to read.
//
// Limits: the garbage collector does not free this memory. Memory that nobody frees stays until the process ends.
package pages

import (
	"fmt"
	"unsafe"
)

// huge is the size of a huge page on most processors, in bytes.
const huge = 2 << 20

// Memory is a piece of memory outside of Go's heap. Its owner calls Free.
type Memory struct {
	whole []byte // all that the system gave, with the bytes before the aligned beginning
	bytes []byte
}

// Alloc returns n bytes, all of them zero. It fails if n is not positive, or if the system does not give that much memory. The caller
// frees the memory.
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

// Bytes returns the bytes of the memory. They must not be used after Free.
func (m *Memory) Bytes() []byte { return m.bytes }

// Free gives the memory back to the system. It is safe to call twice.
func (m *Memory) Free() {
	if m == nil || m.whole == nil {
		return
	}
	free(m.whole)
	m.whole, m.bytes = nil, nil
}
