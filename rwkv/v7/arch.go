// Package v7 is RWKV-7 "Goose": its tensors, its graph and its plain float64 reference. It also holds the hybrid of RWKV-7 and a
// Qwen transformer.
package v7

import "github.com/gosling-rwkv/gosling/rwkv"

// Arch returns RWKV-7. GGUF and llama.cpp call it "rwkv7".
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv7", Title: "RWKV-7", Detect: detect, FromShapes: configFromShapes, FromGGUF: configFromGGUF,
		Keys: keys, Tensors: tensors, State: state, Forward: newForward, Reference: reference,
	}
}

// Hybrid returns ARWKV, a Qwen transformer with the time mix of RWKV-7. llama.cpp calls it "arwkv7". Some models lack the gate,
// some the norm after the recurrence.
func Hybrid() rwkv.Arch {
	return rwkv.Arch{
		Name: "arwkv7", Title: "ARWKV-7", FromGGUF: hybridFromGGUF, Keys: hybridKeys,
		Tensors: hybridTensors, State: hybridState, Forward: newHybrid, Reference: hybridReference,
	}
}
