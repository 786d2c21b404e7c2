package mmap

import "math"

// Room reports whether the system can give the process n more bytes of memory at once. It allocates them without filling a page,
// and frees them. Call it before C code that ends the process if malloc fails.
func Room(n int64) bool {
	switch {
	case n <= 0:
		return true
	case n > math.MaxInt:
		return false
	}
	return room(int(n))
}
