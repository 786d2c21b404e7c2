package mmap

import "math"

// Room reports whether the system gives the process n more bytes of memory at once: it takes them, which fills no page, and
// gives them back. C code that ends the process where malloc fails is called after this.
func Room(n int64) bool {
	switch {
	case n <= 0:
		return true
	case n > math.MaxInt:
		return false
	}
	return room(int(n))
}
