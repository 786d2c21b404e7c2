package op

import (
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Average4 builds the recurrence of version 4 as one operation of package kernels (see kernels.Calls.Average4), which takes one token
// after another. k and v are [channels, tokens]. It updates the states. It reports false, and builds nothing, if there is no kernel.
func Average4(b rwkv.Batch, k, v, u, decay, mean, log ggml.Tensor) (y ggml.Tensor, ok bool) {
	if b.Calls == nil || k.Dim(0)%kernels.AverageStep != 0 {
		return ggml.Tensor{}, false
	}
	call, err := b.Calls.Average4(k.Dim(0), b.Lengths)
	if err != nil {
		b.Graph.Fail(fmt.Errorf("the recurrence: %w", err))
		return v, true
	}
	y = b.Graph.Custom(ggml.Custom{
		Name: "average4", Operands: []ggml.Tensor{k, v}, Weights: []ggml.Tensor{u, decay}, States: []ggml.Tensor{mean, log},
		Type: gguf.F32, Shape: [4]int64{k.Dim(0), k.Rows(), 1, 1}, Function: kernels.Entry(), Call: call.Pointer(),
		Place: func(at ggml.Addresses) error {
			return call.Place(at.Result, slices.Concat(at.Operands, at.Weights, at.States)...)
		},
	})
	b.Graph.Compute(y) // the states must be updated even if nothing uses y
	return y, true
}
