package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Hybrid is the frame of a Qwen transformer in which RWKV's time mix replaces attention. It has RMS norms, and a feed-forward
// part that only looks at its own token.
type Hybrid struct {
	config           rwkv.Config
	outputNorm, head ggml.Tensor
	layers           []hybridLayer
}

type hybridLayer struct{ Norm1, Norm2, Gate, Up, Down ggml.Tensor }

// HybridStates lists the states of all layers: the time mix's shift and the states of the recurrence.
func HybridStates(c rwkv.Config, recurrence ...rwkv.StateSpec) []rwkv.StateSpec {
	var specs []rwkv.StateSpec
	for _, s := range States(c, recurrence...) {
		if s.Name != ffnShift {
			specs = append(specs, s)
		}
	}
	return specs
}

// NewHybrid binds the weights.
func NewHybrid(c rwkv.Config, w rwkv.Weights) *Hybrid {
	h := &Hybrid{config: c, outputNorm: w(rwkv.OutputNorm + ".weight"), head: w(rwkv.Output)}
	for i := range c.Layers {
		at := w.Layer(i)
		h.layers = append(h.layers, hybridLayer{
			Norm1: at(rwkv.AttnNorm), Norm2: at(rwkv.FFNNorm), Gate: at(rwkv.FFNGate), Up: at(rwkv.FFNUp), Down: at(rwkv.FFNDown),
		})
	}
	return h
}

// Forward builds the whole model. It returns the outputs that the batch asks for. timeMix is the same as in Mixers.
func (h *Hybrid) Forward(b rwkv.Batch, timeMix func(layer int, in Shifted) ggml.Tensor) ggml.Tensor {
	norm := func(x, weight ggml.Tensor) ggml.Tensor { return Norm{Weight: weight}.of(x, h.config.NormEps) }
	x := b.Embedded
	for i, l := range h.layers {
		in := Shifted{batch: b, stream: x, norm: Norm{Weight: l.Norm1}, eps: h.config.NormEps, state: b.State(i, attShift)}
		x = x.Add(timeMix(i, in))
		if i == len(h.layers)-1 {
			if b.Outputs == rwkv.NoLogits {
				return ggml.Tensor{}
			}
			if b.LastOf != nil { // only these tokens are needed from here on
				x = lastOf(b, x)
			}
		}
		x = x.Add(l.feedForward(norm(x, l.Norm2)))
	}
	x = norm(x, h.outputNorm)
	if b.Outputs.Hidden() {
		return x
	}
	return x.MatMul(h.head)
}

// feedForward builds SwiGLU, down(silu(gate(x)) ⊙ up(x)).
func (l hybridLayer) feedForward(x ggml.Tensor) ggml.Tensor {
	return x.MatMul(l.Gate).SiLU().Mul(x.MatMul(l.Up)).MatMul(l.Down)
}
