package v6

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// wkv is the state S of each head, [value, key, head], with heads padded as in op.StateHead.
const wkv = "wkv"

// state lists what version 6 carries from token to token.
func state(c rwkv.Config) []rwkv.StateSpec {
	return op.States(c, op.WKVState(c, wkv))
}

// layer holds the weights of one layer, named by the letters of the paper. Matrices are [in, out].
type layer struct {
	config rwkv.Config
	index  int

	GroupNorm     op.Norm
	MuX           ggml.Tensor   // lerp of the input that the other lerps depend on
	Mu            []ggml.Tensor // lerps of w, k, v, r, g, in one tensor or in five
	W1, W2        ggml.Tensor   // low-rank pair that adds to Mu: [channels, 5 ranks], [rank, channels, 5]
	R, K, V, G, O ggml.Tensor
	U             ggml.Tensor // bonus, [head size, heads]
	D0, D1, D2    ggml.Tensor // decay

}

// newForward binds the weights and returns the function that builds graphs.
func newForward(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame, layers, channelMixes := op.NewFrame(c, w), newLayers(c, w), op.ChannelMixes(c, w)
	for i := range layers {
		layers[i].GroupNorm, layers[i].U = op.NormOf(w, rwkv.LayerName(i, groupNorm)), w.Layer(i)(first)
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, op.Mixers{
			TimeMix:    func(i int, in op.Shifted) ggml.Tensor { return layers[i].timeMix(b, in) },
			ChannelMix: func(i int, in op.Shifted) ggml.Tensor { return channelMixes[i].Of(in) },
			Rescale:    dims(c).Rescale,
		})
	}
}

// newLayers binds the weights that the hybrid's layers also have.
func newLayers(c rwkv.Config, w rwkv.Weights) []layer {
	layers := make([]layer, c.Layers)
	for i := range layers {
		at := w.Layer(i)
		layers[i] = layer{
			config: c, index: i,
			MuX: at(lerpX), W1: at(mixW1), W2: at(mixW2),
			R: at(receptance), K: at(key), V: at(value), G: at(gate), O: at(output),
			D0: at(decay0), D1: at(decayW1), D2: at(decayW2),
		}
		for _, name := range lerpNames(c) {
			layers[i].Mu = append(layers[i].Mu, at(name))
		}
	}
	return layers
}

// timeMix builds y = O(norm(wkv) ⊙ silu(g)) (Eagle and Finch paper, section 4.2). It updates the wkv state.
func (l *layer) timeMix(b rwkv.Batch, in op.Shifted) ggml.Tensor {
	x, dx := in.Both()
	lerp := l.lerps(b, x, dx)
	xw, xk, xv, xr, xg := lerp(0), lerp(1), lerp(2), lerp(3), lerp(4)

	return op.Middle6(b, l.config, l.index, op.Mix6{
		R: xr.MatMul(l.R), K: xk.MatMul(l.K), V: xv.MatMul(l.V), G: xg.MatMul(l.G).SiLU(),
		W: l.decay(xw), U: l.U, Norm: l.GroupNorm, State: b.State(l.index, wkv),
	}).MatMul(l.O)
}

// decay builds each token's own decay, e^(-e^(d0 + tanh(x·D1)·D2)).
func (l *layer) decay(xw ggml.Tensor) ggml.Tensor {
	return xw.MatMul(l.D1).Tanh().MatMul(l.D2).Add(l.D0).ExpNegExp()
}

// lerps builds the token shift that depends on the data: x + dx ⊙ (mu_i + tanh((x + dx ⊙ mu_x)·W1)_i·W2_i). x is [channels, tokens],
// dx is x one token earlier minus x.
func (l *layer) lerps(b rwkv.Batch, x, dx ggml.Tensor) func(i int64) ggml.Tensor {
	channels, tokens, rank := x.Dim(0), x.Rows(), int64(dims(l.config).MixRank)
	n := int64(len(lerps))
	low := dx.Mul(l.MuX).Add(x).MatMul(l.W1).Tanh()               // [5 ranks, tokens]
	low = low.Reshape(rank, n, tokens).Permute(0, 2, 1, 3).Cont() // [rank, tokens, 5]
	if tokens == 1 && len(l.Mu) == 1 {                            // a single token needs few operations for all columns
		all := low.MatMul(l.W2).Add(b.Graph.Use(l.Mu[0]).Reshape(channels, 1, n)).Reshape(channels, n).Mul(dx).Add(x)
		return func(i int64) ggml.Tensor { return all.Slice(1, i, 1) }
	}
	mu := func(i int64) ggml.Tensor { return l.Mu[i] }
	if len(l.Mu) == 1 {
		mu = func(i int64) ggml.Tensor { return b.Graph.Use(l.Mu[0]).Reshape(channels, n).Slice(1, i, 1) }
	}
	w2 := b.Graph.Use(l.W2)
	return func(i int64) ggml.Tensor {
		shift := low.Slice(2, i, 1).MatMul(w2.Matrix(i)) // [channels, tokens]
		return shift.Add(mu(i)).Mul(dx).Add(x)
	}
}
