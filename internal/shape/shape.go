// Package shape compares shapes of tensors. Programs write dimensions of 1 where others leave them out.
package shape

import "slices"

// Squeeze returns the shape without dimensions of 1.
func Squeeze(shape ...int64) []int64 {
	return slices.DeleteFunc(slices.Clone(shape), func(n int64) bool { return n == 1 })
}

// Trim returns the shape without dimensions of 1 at its end. It shares the memory of the given one.
func Trim(shape []int64) []int64 {
	for len(shape) > 0 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// Same reports whether two shapes differ by nothing but dimensions of 1 at their ends.
func Same(a, b []int64) bool { return slices.Equal(Trim(a), Trim(b)) }
