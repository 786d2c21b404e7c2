// Package v6 is RWKV-6 "Finch": its tensors, its graph and its plain float64 reference.
package v6

import "gosling/rwkv"

// Arch is RWKV-6, which GGUF and llama.cpp call "rwkv6".
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv6", Title: "RWKV-6", Detect: Detect, FromShapes: ConfigFromShapes, FromGGUF: ConfigFromGGUF,
		Keys: Keys, Tensors: Tensors, State: State, Forward: New, Reference: reference,
	}
}
