package bindings

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// openLibrary opens a DLL. Windows looks for the DLLs that it needs beside it. It first removes the working directory from the
// process's search path, because ggml opens its backends with a function that would search there.
func openLibrary(path string) (uintptr, error) {
	if err := windows.SetDllDirectory(""); err != nil {
		return 0, err
	}
	flags := uintptr(windows.LOAD_LIBRARY_SEARCH_DEFAULT_DIRS)
	if filepath.IsAbs(path) {
		flags |= windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR
	}
	h, err := windows.LoadLibraryEx(path, 0, flags)
	return uintptr(h), err
}

func lookup(handle uintptr, symbol string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(handle), symbol)
}

// fileOf returns the path of an open library.
func fileOf(handle uintptr, _ string) string {
	var path [windows.MAX_LONG_PATH]uint16
	n, err := windows.GetModuleFileName(windows.Handle(handle), &path[0], uint32(len(path)))
	if err != nil {
		return ""
	}
	return windows.UTF16ToString(path[:n])
}
