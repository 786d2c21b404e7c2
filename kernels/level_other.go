//go:build !amd64

package kernels

import (
	"sync/atomic"
	"unsafe"
)

// Best returns None, because there are no kernels for this processor.
func Best() Level { return None }

var (
	functions                                           map[string]uintptr
	sharingKernel, entryFunction                        uintptr
	roundingBody, productBody, middleBody, shiftBody    uintptr
	elementwiseBody, copyBody, middle6Body, averageBody uintptr
)

const noKernels = "kernels: internal error: none for this processor"

func call(uintptr, unsafe.Pointer, int, int) { panic(noKernels) }

func runPiece(unsafe.Pointer, int64, uintptr) { panic(noKernels) }

// lookAt waits until a counter is at least the given number, and returns true. After looking a number of times it returns false.
func lookAt(counter *uint64, least uint64, times int64) bool {
	for ; times > 0; times-- {
		if atomic.LoadUint64(counter) >= least {
			return true
		}
	}
	return false
}
