// Package v4 is RWKV-4 "Dove" (Pile, Raven, World and music models): its tensors, its graph and its plain float64 reference.
package v4

import "github.com/gosling-rwkv/gosling/rwkv"

// Arch returns RWKV-4. Gosling calls it "rwkv4" in GGUF, because llama.cpp has no name for it.
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv4", Title: "RWKV-4", Detect: detect, FromShapes: configFromShapes, FromGGUF: configFromGGUF,
		Keys: keys, Tensors: tensors, State: state, Forward: newForward, Reference: reference,
	}
}
