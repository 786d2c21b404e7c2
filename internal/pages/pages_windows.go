package pages

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func alloc(n int) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(pointer(&p), n), nil
}

// pointer returns the address that a system call returned. It points outside Go's heap, so it does not move.
func pointer(address *uintptr) *byte { return *(**byte)(unsafe.Pointer(address)) }

func free(b []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(b))), 0, windows.MEM_RELEASE)
}
