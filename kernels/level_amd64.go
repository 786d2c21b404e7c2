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
	sharingKernel, roundingKernel, productBody, middleBody, shiftBody = kernels()
	entryFunction                                                     = entryOf(runtime.GOOS)
)

// entryOf is the address of the entry in a system's calling convention.
func entryOf(system string) uintptr {
	systemV, windows := entries()
	if system == "windows" {
		return windows
	}
	return systemV
}

// kernels tells where the kernels are, and the bodies that the first of them runs.
func kernels() (sharing, rounding, product, middle, shifting uintptr)

// entries tells where the C functions are that Entry is one of, by calling convention.
func entries() (systemV, windows uintptr)

// call runs a kernel here, as thread ith of nth.
func call(kernel uintptr, c unsafe.Pointer, ith, nth int)
