package v5

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// wkv is the state S of each head, [value, key, head], with heads padded as in op.StateHead.
const wkv = "wkv"

// state lists what version 5 carries from token to token.
func state(c rwkv.Config) []rwkv.StateSpec {
	return op.States(c, op.WKVState(c, wkv))
}

// layer holds the weights of one layer, named by the letters of the paper. Matrices are [in, out]. The lerps are prepared to
// weigh the previous token.
type layer struct {
	config rwkv.Config
	index  int

	GroupNorm          op.Norm
	MuR, MuK, MuV, MuG ggml.Tensor // token shift
	R, K, V, G, O      ggml.Tensor // version 5.0 has no G
	U, W               ggml.Tensor // bonus and decay, [head size, heads]
}

// newForward binds the weights and returns the function that builds graphs.
func newForward(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame, channelMixes := op.NewFrame(c, w), op.ChannelMixes(c, w)
	layers := make([]layer, c.Layers)
	for i := range layers {
		at := w.Layer(i)
		layers[i] = layer{
			config: c, index: i,
			GroupNorm: op.NormOf(w, rwkv.LayerName(i, groupNorm)),
			MuR:       at(lerpR), MuK: at(lerpK), MuV: at(lerpV),
			R: at(receptance), K: at(key), V: at(value), O: at(output),
			U: at(first), W: at(decay),
		}
		if dims(c).Gated {
			layers[i].MuG, layers[i].G = at(lerpG), at(gate)
		}
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, op.Mixers{
			TimeMix:    func(i int, in op.Shifted) ggml.Tensor { return layers[i].timeMix(b, in) },
			ChannelMix: func(i int, in op.Shifted) ggml.Tensor { return channelMixes[i].Of(in) },
		})
	}
}

// timeMix builds y = O(norm(wkv) ⊙ silu(g)) (Eagle and Finch paper, section 4.2). Version 5.0 has no gate.
// timeMix updates the wkv state.
func (l *layer) timeMix(b rwkv.Batch, in op.Shifted) ggml.Tensor {
	gated := dims(l.config).Gated
	mus := []ggml.Tensor{l.MuR, l.MuK, l.MuV}
	if gated {
		mus = append(mus, l.MuG)
	}
	x := in.Lerps(mus...)
	r, k, v := x[0].MatMul(l.R), x[1].MatMul(l.K), x[2].MatMul(l.V)

	m := op.Mix6{R: r, K: k, V: v, W: l.W, Constant: true, U: l.U, Norm: l.GroupNorm, State: b.State(l.index, wkv)}
	if gated {
		m.G = x[3].MatMul(l.G).SiLU()
	}
	return op.Middle6(b, l.config, l.index, m).MatMul(l.O)
}
