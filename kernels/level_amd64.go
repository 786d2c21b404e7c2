package kernels

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// Best returns the best level that the processor has.
func Best() Level {
	x := cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasF16C):
		return None
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512VNNI:
		return VNNI
	}
	return AVX2
}

// functions are the addresses of the generated functions, by name.
var functions = func() map[string]uintptr {
	var at [len(names)]uintptr
	addresses(&at)
	m := map[string]uintptr{}
	for i, name := range names {
		m[name] = at[i]
	}
	return m
}()

var (
	sharingKernel, roundingBody, productBody, middleBody, shiftBody, elementwiseBody, copyBody, middle6Body, averageBody = bodies()
	entryFunction                                                                                                        = entryOf(runtime.GOOS)
)

// entryOf returns the address of the entry for a system's calling convention. system is a GOOS.
func entryOf(system string) uintptr {
	systemV, windows := entries()
	if system == "windows" {
		return windows
	}
	return systemV
}

// bodies returns the address of the kernel sharing, and of the bodies that it runs.
func bodies() (sharing, rounding, product, middle, shifting, applying, copying, middle6, averaging uintptr)

// entries returns the addresses of the two C entries, one for each calling convention. Entry returns one of them.
func entries() (systemV, windows uintptr)

// call runs a kernel on the calling goroutine, as thread ith of nth. ith counts from 0.
func call(kernel uintptr, c unsafe.Pointer, ith, nth int)

// runPiece runs the body of a call for one piece on the calling goroutine.
func runPiece(c unsafe.Pointer, piece int64, scratch uintptr)

// lookAt waits until a counter is at least the given number, and returns true. After looking a number of times it returns false.
//
//go:noescape
func lookAt(counter *uint64, least uint64, times int64) bool
