// Package archs is the list of RWKV versions that Gosling runs.
package archs

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v4"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// All returns the architectures: the versions, newest first, then hybrids.
func All() []rwkv.Arch {
	return []rwkv.Arch{v7.Arch(), v6.Arch(), v5.Arch(), v4.Arch(), v7.Hybrid(), v6.Hybrid()}
}

// Detect returns the architecture of a checkpoint with these tensors.
func Detect(shapes rwkv.Shapes) (rwkv.Arch, bool) {
	for _, a := range All() {
		if a.Detect != nil && a.Detect(shapes) {
			return a, true
		}
	}
	return rwkv.Arch{}, false
}

// Named returns the architecture with a GGUF name.
func Named(name string) (rwkv.Arch, bool) {
	for _, a := range All() {
		if a.Name == name {
			return a, true
		}
	}
	return rwkv.Arch{}, false
}

// names returns the GGUF names of the architectures for a message.
func names() string {
	var names []string
	for _, a := range All() {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// Describe returns the architecture and the dimensions of a GGUF file. It reads metadata and the shapes of tensors.
func Describe(f *gguf.File) (rwkv.Arch, rwkv.Config, error) {
	name, ok := f.String("general.architecture")
	if !ok {
		return rwkv.Arch{}, rwkv.Config{}, fmt.Errorf("no general.architecture: not a language model, or cut short when it was written")
	}
	arch, ok := Named(name)
	if !ok {
		return arch, rwkv.Config{}, fmt.Errorf("architecture %s: %sGosling runs %s", excerpt.Of(name), foreign(f, name), names())
	}
	config, err := arch.FromGGUF(
		func(key string) (any, bool) { return f.Value(name + "." + key) },
		func(name string) ([]int64, bool) {
			t, ok := f.Tensor(name)
			return t.Shape, ok
		})
	if err != nil {
		return arch, config, err
	}
	return arch, config, nil
}
