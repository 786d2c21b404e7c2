//go:build !windows

package bindings

import "github.com/ebitengine/purego"

// openLibrary opens a shared library with its symbols visible to those opened after it, as ggml's backends need.
func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func lookup(handle uintptr, symbol string) (uintptr, error) { return purego.Dlsym(handle, symbol) }
