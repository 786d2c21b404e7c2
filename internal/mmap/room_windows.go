package mmap

import "golang.org/x/sys/windows"

func room(n int) bool {
	p, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err == nil && windows.VirtualFree(p, 0, windows.MEM_RELEASE) == nil
}
