// Package v7 is RWKV-7 "Goose": its tensors, its graph and its plain float64 reference.
package v7

import "gosling/rwkv"

// Arch is RWKV-7, which GGUF and llama.cpp call "rwkv7".
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv7", Title: "RWKV-7", Detect: Detect, FromShapes: ConfigFromShapes, FromGGUF: ConfigFromGGUF,
		Keys: Keys, Tensors: Tensors, State: State, Forward: New, Reference: reference,
	}
}
