// Package v5 is RWKV-5 "Eagle" in its forms 5.0, 5.1 and 5.2: its tensors, its graph and its plain float64 reference.
package v5

import "github.com/gosling-rwkv/gosling/rwkv"

// Arch returns RWKV-5. Gosling calls it "rwkv5" in GGUF, because llama.cpp has no name for it.
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv5", Title: "RWKV-5", Detect: detect, FromShapes: configFromShapes, FromGGUF: configFromGGUF,
		Keys: keys, Tensors: tensors, State: state, Forward: newForward, Reference: reference,
	}
}
