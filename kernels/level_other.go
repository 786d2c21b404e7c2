//go:build !amd64

package kernels

import "unsafe"

// Best returns None, because there are no kernels for this processor.
func Best() Level { return None }

var (
	functions                                    map[string]uintptr
	sharingKernel, roundingKernel, entryFunction uintptr
	productBody, middleBody, shiftBody           uintptr
)

func call(uintptr, unsafe.Pointer, int, int) {
	panic("kernels: internal error: none for this processor")
}
