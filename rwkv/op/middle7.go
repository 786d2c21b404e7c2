package op

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Mix7 is the input of the part of version 7's time mix between the matrix products. The names are the letters of the RWKV-7 paper.
type Mix7 struct {
	R, K, V, W, A, G ggml.Tensor // [channels, tokens]; W and A without their biases; G is the zero Tensor if there is no gate
	VR, V0           ggml.Tensor // the value residual without its bias, and the value of layer 0; the zero Tensor in layer 0

	W0, A0, VBias, KK, KA, RK ggml.Tensor // [channels]
	Norm                      Norm        // of heads; the zero Norm if there is none
	State                     ggml.Tensor
}

// Middle7 builds the part of version 7's time mix between the matrix products as one operation of package kernels. y is [channels,
// tokens]. The operation also updates the state. Middle7 reports false, and builds nothing, if there is no kernel for the batch or the
// head size.
func Middle7(b rwkv.Batch, c rwkv.Config, m Mix7) (y ggml.Tensor, ok bool) {
	if b.Calls == nil || c.HeadSize != kernels.HeadSize {
		return ggml.Tensor{}, false
	}
	call, err := b.Calls.Middle7(int64(c.Heads()), b.Lengths, c.GroupNormEps)
	if err != nil {
		b.Graph.Fail(fmt.Errorf("the time mix: %w", err))
		return m.V, true
	}
	operands, gated := []ggml.Tensor{m.R, m.K, m.V, m.W, m.A}, !m.G.IsZero()
	if gated {
		operands = append(operands, m.G)
	}
	if !m.V0.IsZero() {
		operands = append(operands, m.VR, m.V0)
	}
	y = b.Graph.Custom(ggml.Custom{
		Name: "middle7", Operands: operands, Type: gguf.F32, Shape: [4]int64{int64(c.Embed), m.R.Dim(1), 1, 1},
		Weights: []ggml.Tensor{m.W0, m.A0, m.VBias, m.KK, m.KA, m.RK, m.Norm.Weight, m.Norm.Bias}, States: []ggml.Tensor{m.State},
		Function: kernels.Entry(), Call: call.Pointer(),
		Place: func(a ggml.Addresses) error {
			x, w := a.Operands, a.Weights
			at := kernels.Middle7{
				R: x[0], K: x[1], V: x[2], W: x[3], A: x[4], Y: a.Result,
				W0: w[0], A0: w[1], VBias: w[2], KK: w[3], KA: w[4], RK: w[5], Scale: w[6], Shift: w[7], State: a.States[0],
			}
			x = x[5:]
			if gated {
				at.G, x = x[0], x[1:]
			}
			if len(x) > 0 {
				at.VR, at.V0 = x[0], x[1]
			}
			return call.Place(at)
		},
	})
	b.Graph.Compute(y) // the state must be updated even if nothing uses y
	return y, true
}
