//go:build !amd64

package kernels

import "unsafe"

// Best is the best level that the processor runs: there are no kernels for it.
func Best() Level { return None }

var (
	functions                                    map[string]uintptr
	sharingKernel, roundingKernel, entryFunction uintptr
	productBody, middleBody, shiftBody           uintptr
)

func call(uintptr, unsafe.Pointer, int, int) {
	panic("kernels: internal error: none for this processor")
}
