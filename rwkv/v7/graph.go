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
			ChannelMix: func(i int, in op.Shifted) ggml.Tensor { return layers[i].channelMix(in) },
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
func timeMixer(b rwkv.Batch, layers []layer) func(i int, in op.Shifted) ggml.Tensor {
	var v0 ggml.Tensor // layer 0's value, used by later layers
	return func(i int, in op.Shifted) ggml.Tensor {
		y, v := layers[i].timeMix(b, in, v0)
		if i == 0 {
			v0 = v
		}
		return y
	}
}

// timeMix builds y = O(g ⊙ (norm(wkv) + bonus)) (RWKV-7 paper, section 4). v0 is layer 0's value, or a zero tensor in
// layer 0. It returns y and, in layer 0, v. It updates the wkv state.
func (l *layer) timeMix(b rwkv.Batch, in op.Shifted, v0 ggml.Tensor) (y, v ggml.Tensor) {
	x := in.Lerps(l.Mu) // token shift
	xr, xw, xk, xv, xa := x[0], x[1], x[2], x[3], x[4]

	m := op.Mix7{
		R: xr.MatMul(l.R), K: xk.MatMul(l.K), V: xv.MatMul(l.V),
		W: xw.MatMul(l.W1).Tanh().MatMul(l.W2), W0: l.W0,
		A: xa.MatMul(l.A1).MatMul(l.A2), A0: l.A0,
		VBias: l.V0, V0: v0, KK: l.KK, KA: l.KA, RK: l.RK,
		Norm: l.GroupNorm, State: b.State(l.index, wkv),
	}
	if !v0.IsZero() {
		m.VR = xv.MatMul(l.V1).MatMul(l.V2)
	}
	if dims(l.config).GateRank > 0 {
		m.G = x[5].MatMul(l.G1).Sigmoid().MatMul(l.G2)
	}
	return l.middle(b, m).MatMul(l.O), m.V
}

// middle builds g ⊙ (norm(wkv) + bonus), and updates the wkv state. Hybrids may lack the norm and the gate.
func (l *layer) middle(b rwkv.Batch, m op.Mix7) ggml.Tensor {
	if y, ok := op.Middle7(b, l.config, m); ok {
		return y
	}
	r, k, v := m.R, m.K, m.V
	w := m.W.Add(m.W0).Sigmoid().Scale(-0.606531).Exp() // decay; 0.606531 = e^-0.5
	a := m.A.Add(m.A0).Sigmoid()                        // in-context learning rate
	if !m.V0.IsZero() {
		v = v.Add(m.V0.Sub(v).Mul(m.VR.Add(m.VBias).Sigmoid())) // value residual
	}
	kk := op.Heads(l.config, k.Mul(m.KK)).L2Norm(1e-12) // removal key, one unit vector per head
	ka := k.Mul(m.KA)
	k = k.Add(ka.Mul(a).Sub(ka)) // replacement key

	y := op.WKV7(b, l.index, op.Heads(l.config, r), op.Heads(l.config, w), op.Heads(l.config, k), op.Heads(l.config, v), kk.Neg(), kk.Mul(op.Heads(l.config, a)), m.State)
	bonus := op.Heads(l.config, v).Mul(op.Heads(l.config, r.Mul(k).Mul(m.RK)).SumRows())
	if !dims(l.config).BareHeads {
		y = op.Flat(l.config, y.Norm(l.config.GroupNormEps)).Mul(m.Norm.Weight).Add(m.Norm.Bias)
	}
	y = op.Flat(l.config, y).Add(op.Flat(l.config, bonus))
	if !m.G.IsZero() {
		y = y.Mul(m.G)
	}
	return y
}

// channelMix builds V(relu(K(x + dx ⊙ mu))²) (RWKV-7 paper, section 4).
func (l *layer) channelMix(in op.Shifted) ggml.Tensor {
	return in.Lerps(l.FFNMu)[0].MatMul(l.FFNK).ReluSqr().MatMul(l.FFNV)
}
