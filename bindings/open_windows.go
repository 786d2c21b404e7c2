package bindings

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// openLibrary opens a DLL; those that it needs are looked for beside it. ggml opens its backends by a function that looks for what
// they need in the working directory, unless that is taken out of the process's search.
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

// fileOf is the path of an open library.
func fileOf(handle uintptr, _ string) string {
	var path [windows.MAX_LONG_PATH]uint16
	n, err := windows.GetModuleFileName(windows.Handle(handle), &path[0], uint32(len(path)))
	if err != nil {
		return ""
	}
	return windows.UTF16ToString(path[:n])
}
