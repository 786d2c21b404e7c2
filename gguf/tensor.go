package gguf

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// maxDims is the largest number of dimensions of a tensor.
const maxDims = 4

// ggmlName is the longest name of a tensor, in bytes, that ggml reads.
const ggmlName = 63

// Tensor says where in a file a tensor lies and how its elements are stored.
type Tensor struct {
	Name   string
	Type   Type
	Shape  []int64 // one to four dimensions, fastest first
	Offset int64   // of the first byte in the file
	Size   int64   // in bytes, without padding
	Part   int     // the index of its file, for a split model
}

// Elements is the number of elements of the tensor.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// end is the offset of the first byte after the tensor.
func (t Tensor) end() int64 { return t.Offset + t.Size }

// sizeOf computes the bytes of a tensor. Its error is a reason without the name of the tensor.
func sizeOf(typ Type, shape []int64) (int64, error) {
	if len(shape) < 1 || len(shape) > maxDims {
		return 0, fmt.Errorf("has %d dimensions, want 1 to %d", len(shape), maxDims)
	}
	if i := slices.IndexFunc(shape, func(d int64) bool { return d < 1 }); i >= 0 {
		return 0, fmt.Errorf("has %d elements in dimension %d, want 1 or more", shape[i], i)
	}
	size, err := typ.RowBytes(shape[0])
	if err != nil {
		return 0, err
	}
	elements := shape[0]
	for _, d := range shape[1:] {
		var fits, fit bool
		size, fits = product(size, d)
		elements, fit = product(elements, d)
		if !fits || !fit {
			return 0, fmt.Errorf("shape %d of %s is larger than 63 bits count", shape, typ)
		}
	}
	return size, nil
}

// product multiplies two numbers that are not negative and reports whether the result fits.
func product(a, b int64) (int64, bool) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return int64(low), high == 0 && low <= math.MaxInt64
}

// pad rounds n up to the alignment, a power of two, and reports whether the result fits.
func pad(n, alignment int64) (int64, bool) {
	if n > math.MaxInt64-(alignment-1) {
		return 0, false
	}
	return (n + alignment - 1) &^ (alignment - 1), true
}
