// Package archs is the list of RWKV versions that Gosling runs.
package archs

import (
	"strings"

	"gosling/rwkv"
	"gosling/rwkv/v7"
)

// All lists the architectures, newest first.
func All() []rwkv.Arch {
	return []rwkv.Arch{v7.Arch()}
}

// Named finds an architecture by its GGUF name.
func Named(name string) (rwkv.Arch, bool) {
	for _, a := range All() {
		if a.Name == name {
			return a, true
		}
	}
	return rwkv.Arch{}, false
}

// Names lists the GGUF names of the architectures for a message.
func Names() string {
	var names []string
	for _, a := range All() {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}
