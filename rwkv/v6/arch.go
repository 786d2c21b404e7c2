// Package v6 is RWKV-6 "Finch": its tensors, its graph and its plain float64 reference. It also has the hybrid of RWKV-6 and a Qwen
// transformer.
package v6

import "github.com/gosling-rwkv/gosling/rwkv"

// Arch is RWKV-6, which GGUF and llama.cpp call "rwkv6".
func Arch() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv6", Title: "RWKV-6", Detect: detect, FromShapes: configFromShapes, FromGGUF: configFromGGUF,
		Keys: keys, Tensors: tensors, State: state, Forward: newForward, Reference: reference,
	}
}

// Hybrid is QRWKV-6 (RWKV6Qwen2), a time mix made of RWKV-6's in the frame of a Qwen transformer, which llama.cpp calls
// "rwkv6qwen2": keys and values may be shared by several heads, and there is neither bonus nor norm.
func Hybrid() rwkv.Arch {
	return rwkv.Arch{
		Name: "rwkv6qwen2", Title: "QRWKV-6", FromGGUF: hybridFromGGUF, Keys: hybridKeys,
		Tensors: hybridTensors, State: hybridState, Forward: newHybrid, Reference: hybridReference,
	}
}
