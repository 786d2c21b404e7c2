// Package v6 is RWKV-6 "Finch": its tensors, its graph and its plain float64 reference. It also holds the hybrid of RWKV-6 and a
// Qwen transformer.
package v6

import "github.com/gosling-rwkv/gosling/rwkv"

// Arch returns RWKV-6. GGUF and llama.cpp call it "rwkv6".
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv6", Title: "RWKV-6", Detect: detect, FromShapes: configFromShapes, FromGGUF: configFromGGUF,
		Keys: keys, Tensors: tensors, State: state, Forward: newForward, Reference: reference,
	}
}

// Hybrid returns QRWKV-6 (RWKV6Qwen2), a Qwen transformer with a time mix based on RWKV-6. llama.cpp calls it "rwkv6qwen2".
// Several heads may share keys and values. The time mix has no bonus and no norm after the recurrence.
func Hybrid() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv6qwen2", Title: "QRWKV-6", FromGGUF: hybridFromGGUF, Keys: hybridKeys,
		Tensors: hybridTensors, State: hybridState, Forward: newHybrid, Reference: hybridReference,
	}
}
