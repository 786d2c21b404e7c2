package v7

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// wkv is the state S of each head, [key, value, head], with heads padded as in op.StateHead.
const wkv = "wkv"

// state lists what version 7 carries from token to token.
func state(c rwkv.Config) []rwkv.StateSpec {
	return op.States(c, op.WKVState(c, wkv))
}

// layer holds the weights of one layer, named by the letters of the paper. Matrices are [in, out].
type layer struct {
	config rwkv.Config
	index  int

	GroupNorm  op.Norm
	Mu         ggml.Tensor // lerp of r, w, k, v, a, g: [channels, 1, 1, 6]
	R, K, V, O ggml.Tensor
	W0, W1, W2 ggml.Tensor // decay
	A0, A1, A2 ggml.Tensor // in-context learning rate
	V0, V1, V2 ggml.Tensor // value residual, except in layer 0
	G1, G2     ggml.Tensor // gate
	KK, KA, RK ggml.Tensor // removal key, replacement rate, bonus

	FFNMu, FFNK, FFNV ggml.Tensor // channel mix
}

// newForward binds the weights and returns the function that builds graphs.
func newForward(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame, layers := op.NewFrame(c, w), newLayers(c, w)
	for i := range layers {
		at := w.Layer(i)
		layers[i].FFNMu, layers[i].FFNK, layers[i].FFNV = at(rwkv.ChannelMixLerpK), at(rwkv.ChannelMixKey), at(rwkv.ChannelMixValue)
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, op.Mixers{
			TimeMix:    timeMixer(b, layers),
			ChannelMix: func(i int, x, dx ggml.Tensor) ggml.Tensor { return layers[i].channelMix(x, dx) },
		})
	}
}

// newLayers binds the weights of the time mixes, which the hybrid also has.
func newLayers(c rwkv.Config, w rwkv.Weights) []layer {
	layers := make([]layer, c.Layers)
	for i := range layers {
		at := w.Layer(i)
		layers[i] = layer{
			config: c, index: i,
			Mu: at(lerpFused),
			R:  at(receptance), K: at(key), V: at(value), O: at(output),
			W0: at(decay0), W1: at(decay1), W2: at(decay2),
			A0: at(rate0), A1: at(rate1), A2: at(rate2),
			KK: at(removal), KA: at(replacement), RK: at(bonus),
		}
		l := &layers[i]
		if i > 0 {
			l.V0, l.V1, l.V2 = at(residual0), at(residual1), at(residual2)
		}
		if dims(c).GateRank > 0 {
			l.G1, l.G2 = at(gate1), at(gate2)
		}
		if !dims(c).BareHeads {
			l.GroupNorm = op.NormOf(w, rwkv.LayerName(i, groupNorm))
		}
	}
	return layers
}

// timeMixer returns a function that builds the time mixes of one graph. Call it for the first layer first.
func timeMixer(b rwkv.Batch, layers []layer) func(i int, x, dx ggml.Tensor) ggml.Tensor {
	var v0 ggml.Tensor // layer 0's value, used by later layers
	return func(i int, x, dx ggml.Tensor) ggml.Tensor {
		y, v := layers[i].timeMix(b, x, dx, v0)
		if i == 0 {
			v0 = v
		}
		return y
	}
}

// timeMix builds y = O(g ⊙ (norm(wkv) + bonus)) (RWKV-7 paper, section 4). x is [channels, tokens], and dx is x one token earlier
// minus x. v0 is layer 0's value, or a zero tensor in layer 0. It returns y and v, and updates the wkv state. Hybrids may lack
// the norm and the gate.
func (l *layer) timeMix(b rwkv.Batch, x, dx, v0 ggml.Tensor) (y, v ggml.Tensor) {
	lerp := op.Lerps(b.Graph, x, dx, l.Mu)
	xr, xw, xk, xv, xa := lerp(0), lerp(1), lerp(2), lerp(3), lerp(4) // token shift

	r, k, v := xr.MatMul(l.R), xk.MatMul(l.K), xv.MatMul(l.V)
	w := xw.MatMul(l.W1).Tanh().MatMul(l.W2).Add(l.W0).Sigmoid().Scale(-0.606531).Exp() // decay; 0.606531 = e^-0.5
	a := xa.MatMul(l.A1).MatMul(l.A2).Add(l.A0).Sigmoid()                               // in-context learning rate
	if !v0.IsZero() {
		v = v.Add(v0.Sub(v).Mul(xv.MatMul(l.V1).MatMul(l.V2).Add(l.V0).Sigmoid())) // value residual
	}
	kk := op.Heads(l.config, k.Mul(l.KK)).L2Norm(1e-12) // removal key, one unit vector per head
	ka := k.Mul(l.KA)
	k = k.Add(ka.Mul(a).Sub(ka)) // replacement key

	y = op.WKV7(b, l.index, op.Heads(l.config, r), op.Heads(l.config, w), op.Heads(l.config, k), op.Heads(l.config, v), kk.Neg(), kk.Mul(op.Heads(l.config, a)), b.State(l.index, wkv))
	bonus := op.Heads(l.config, v).Mul(op.Heads(l.config, r.Mul(k).Mul(l.RK)).SumRows())
	if !dims(l.config).BareHeads {
		y = op.Flat(l.config, y.Norm(l.config.GroupNormEps)).Mul(l.GroupNorm.Weight).Add(l.GroupNorm.Bias)
	}
	y = op.Flat(l.config, y).Add(op.Flat(l.config, bonus))
	if dims(l.config).GateRank > 0 {
		y = y.Mul(lerp(5).MatMul(l.G1).Sigmoid().MatMul(l.G2)) // gate
	}
	return y.MatMul(l.O), v
}

// channelMix builds V(relu(K(x + dx ⊙ mu))²) (RWKV-7 paper, section 4).
func (l *layer) channelMix(x, dx ggml.Tensor) ggml.Tensor {
	return dx.Mul(l.FFNMu).Add(x).MatMul(l.FFNK).Relu().Sqr().MatMul(l.FFNV)
}
