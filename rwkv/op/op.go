// Package op holds the steps that RWKV versions share, as functions of graph tensors. It chooses between ggml's operations and
// compositions of them while a graph is built.
package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// tokenShift returns x one token earlier minus x, for x [channels, tokens] of the batch. The state holds the last x of each
// sequence. tokenShift updates it.
func tokenShift(b rwkv.Batch, x, state ggml.Tensor) ggml.Tensor {
	return ByRun(b, 1, func(r Run) ggml.Tensor {
		channels, x, state := x.Dim(0), r.Of(x, 1), r.State(b.Graph, state)
		bySeq := x.Reshape(channels, r.Length, r.Seqs)
		prev := state.Reshape(channels, 1, r.Seqs)
		if r.Length > 1 {
			prev = prev.Concat(bySeq.Slice(1, 0, r.Length-1), 1)
		}
		dx := prev.Reshape(channels, r.Length*r.Seqs).Sub(x)
		b.Graph.Compute(dx) // reads the old state before the copy below replaces it
		b.Graph.Compute(bySeq.Slice(1, r.Length-1, 1).CopyTo(state))
		return dx
	})
}

// Lerps returns x + dx ⊙ mu_i for column i of mu [channels, n]: the token shift of versions 6 and 7.
func Lerps(g *ggml.Graph, x, dx, mu ggml.Tensor) func(i int64) ggml.Tensor {
	mu = g.Use(mu).Reshape(mu.Dim(0), mu.Rows())
	if x.Rows() == 1 { // a single token needs only two operations for all columns
		all := mu.Mul(dx).Add(x)
		return func(i int64) ggml.Tensor { return all.Slice(1, i, 1) }
	}
	return func(i int64) ggml.Tensor { return dx.Mul(mu.Slice(1, i, 1)).Add(x) }
}

// Heads views x, [channels, tokens], as [head size, heads, tokens].
func Heads(c rwkv.Config, x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(c.HeadSize), int64(c.Heads()), x.Elements()/int64(c.Embed))
}

// Flat is the reverse of Heads.
func Flat(c rwkv.Config, x ggml.Tensor) ggml.Tensor {
	return x.Reshape(int64(c.Embed), x.Elements()/int64(c.Embed))
}
