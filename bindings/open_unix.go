//go:build !windows

package bindings

import "github.com/ebitengine/purego"

// openLibrary opens a shared library. Libraries opened later can use its symbols, which ggml's backends need.
func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func lookup(handle uintptr, symbol string) (uintptr, error) { return purego.Dlsym(handle, symbol) }

// fileOf returns the path of the open library that defines a symbol, or "" if the system's loader does not tell.
func fileOf(handle uintptr, symbol string) string {
	address, err := purego.Dlsym(handle, symbol)
	ask, askErr := purego.Dlsym(purego.RTLD_DEFAULT, "dladdr")
	if err != nil || askErr != nil {
		return ""
	}
	var dladdr func(address uintptr, info *symbolInfo) int32
	purego.RegisterFunc(&dladdr, ask)
	var info symbolInfo
	if dladdr(address, &info) == 0 {
		return ""
	}
	return GoString(info.file)
}

// symbolInfo is struct Dl_info. Only the first field is read.
type symbolInfo struct {
	file *byte
	_    [3]uintptr // base, symbol and its address
}
