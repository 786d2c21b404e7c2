package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// LinearAttention runs gated linear attention over the batch. k, v, r and the decay w are [head size, heads, tokens]. Per head,
// with S[key][value],
//
//	S = diag(w)·S + kᵀ·v,  y = r·S
//
// That equals version 6's recurrence with r ⊙ w in place of r and without a bonus, plus r·kᵀ·v of each token. LinearAttention returns y
// in the same shape and updates the state.
func LinearAttention(batch rwkv.Batch, layer int, k, v, r, w, state ggml.Tensor) ggml.Tensor {
	none := w.Flat(0, w.Dim(0), w.Dim(1)).Scale(0)
	return WKV6(batch, layer, k, v, r.Mul(w), none, w, state).Add(v.Mul(r.Mul(k).SumRows()))
}
