package op

import (
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Mix6 is the input of the part of the time mix of versions 5 and 6 that lies after the first matrix products. The names are the letters
// of the Eagle and Finch paper.
type Mix6 struct {
	R, K, V ggml.Tensor // [channels, tokens]
	W       ggml.Tensor // the decay, a factor: [channels, tokens], or [head size, heads] if Constant
	G       ggml.Tensor // the gate, [channels, tokens]; the zero Tensor for none
	U       ggml.Tensor // the bonus, [head size, heads]
	Norm    Norm        // of heads
	// Constant tells that the decay is the same for every token.
	Constant bool
	State    ggml.Tensor
}

// Middle6 builds norm(wkv) ⊙ g, [channels, tokens], and updates the state (Eagle and Finch paper, section 4.2).
func Middle6(b rwkv.Batch, c rwkv.Config, layer int, m Mix6) ggml.Tensor {
	if c.HeadSize == kernels.HeadSize {
		if y, ok := m.kernel(b, c); ok {
			return y
		}
	}
	heads := func(x ggml.Tensor) ggml.Tensor { return Heads(c, x) }
	w, tokens := b.Graph.Use(m.W), m.R.Rows()
	switch {
	case !m.Constant:
		w = heads(w)
	case tokens > 1:
		w = w.Repeat(w.Dim(0), w.Dim(1), tokens)
	}
	y := WKV6(b, layer, heads(m.K), heads(m.V), heads(m.R), m.U, w, m.State)
	y = Flat(c, y.Norm(c.GroupNormEps)).Mul(m.Norm.Weight).Add(m.Norm.Bias)
	if m.G.IsZero() {
		return y
	}
	return y.Mul(m.G)
}

// kernel builds Middle6, or if there is no U and no Norm, linear attention, as one operation of package kernels. It reports false, and
// builds nothing, if there is no kernel.
func (m Mix6) kernel(b rwkv.Batch, c rwkv.Config) (y ggml.Tensor, ok bool) {
	if b.Calls == nil || c.HeadSize%kernels.HeadSize != 0 {
		return ggml.Tensor{}, false
	}
	call, err := b.Calls.Middle6(int64(c.HeadSize), int64(c.Heads()), b.Lengths, !m.Constant, c.GroupNormEps)
	if err != nil {
		b.Graph.Fail(fmt.Errorf("the time mix: %w", err))
		return m.V, true
	}
	operands, weights := []ggml.Tensor{m.R, m.K, m.V}, []ggml.Tensor{m.U, m.Norm.Weight, m.Norm.Bias}
	if m.Constant {
		weights = append(weights, m.W)
	} else {
		operands = append(operands, m.W)
	}
	if !m.G.IsZero() {
		operands = append(operands, m.G)
	}
	y = b.Graph.Custom(ggml.Custom{
		Name: "middle6", Operands: operands, Weights: weights, States: []ggml.Tensor{m.State}, Type: gguf.F32, Shape: [4]int64{int64(c.Embed), m.R.Rows(), 1, 1},
		Function: kernels.Entry(), Call: call.Pointer(),
		Place: func(a ggml.Addresses) error {
			x, w := a.Operands, a.Weights
			at := kernels.Middle6{R: x[0], K: x[1], V: x[2], State: a.States[0], U: w[0], Scale: w[1], Shift: w[2], Y: a.Result}
			rest := slices.Concat(w[3:], x[3:]) // the decay, which is the first of one of them, and the gate
			if at.W = rest[0]; len(rest) > 1 {
				at.G = rest[1]
			}
			return call.Place(at)
		},
	})
	b.Graph.Compute(y) // the state must be updated even if nothing uses y
	return y, true
}

// LinearAttention runs gated linear attention over the batch. k, v, r and the decay w are [channels, tokens]. Per head, with S[key][value],
//
//	S = diag(w)·S + kᵀ·v,  y = r·S
//
// Without a kernel it is version 6's recurrence with r ⊙ w in place of r and without a bonus, plus r·kᵀ·v of each token. LinearAttention
// returns y in the same shape and updates the state.
func LinearAttention(b rwkv.Batch, c rwkv.Config, layer int, k, v, r, w, state ggml.Tensor) ggml.Tensor {
	if y, ok := (Mix6{R: r, K: k, V: v, W: w, State: state}).kernel(b, c); ok {
		return y
	}
	k, v, r, w = Heads(c, k), Heads(c, v), Heads(c, r), Heads(c, w)
	none := w.Flat(0, w.Dim(0), w.Dim(1)).Scale(0)
	y := WKV6(b, layer, k, v, r.Mul(w), none, w, state).Add(v.Mul(r.Mul(k).SumRows()))
	return Flat(c, y)
}
