// Package shape compares shapes of tensors. Some programs write dimensions of 1 that others leave out.
package shape

import "slices"

// Squeeze returns the shape without its dimensions of 1.
func Squeeze(shape ...int64) []int64 {
	return slices.DeleteFunc(slices.Clone(shape), func(n int64) bool { return n == 1 })
}

// Trim returns the shape without the dimensions of 1 at its end. The result shares memory with shape.
func Trim(shape []int64) []int64 {
	for len(shape) > 0 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// Same reports whether two shapes are equal except for dimensions of 1 at their ends.
func Same(a, b []int64) bool { return slices.Equal(Trim(a), Trim(b)) }
