package v7

import (
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// reference computes RWKV-7 in float64 with plain loops, without ggml. Graphs are compared with it. It is written to be read
// beside the paper. It is slow, accepts heads of any size, and may be shared between goroutines. A layer's wkv state is S,
// [head][value][key].
func reference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(tensors(c), weights)
	if err != nil {
		return nil, err
	}
	layers := newRefLayers(c, w)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i].ffnMu, layers[i].ffnK, layers[i].ffnV = vector(rwkv.ChannelMixLerpK), matrix(rwkv.ChannelMixKey), matrix(rwkv.ChannelMixValue)
	}
	start := func() [][]float64 {
		return plain.Start(c, make([]float64, c.Embed*c.HeadSize))
	}
	return w.Reference(c, start, func() plain.Mixers {
		timeMix := refTimeMixer(c, layers)
		return plain.Mixers{
			TimeMix:    func(i int, x, prev []float64, state [][]float64) []float64 { return timeMix(i, x, prev, state[0]) },
			ChannelMix: func(i int, x, prev []float64) []float64 { return layers[i].channelMix(x, prev) },
		}
	}), nil
}

// newRefLayers binds the weights of the time mixes, which the hybrid also has.
func newRefLayers(c rwkv.Config, w plain.Weights) []refLayer {
	layers := make([]refLayer, c.Layers)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i] = refLayer{
			mu: vector(lerpFused),
			r:  matrix(receptance), k: matrix(key), v: matrix(value), o: matrix(output),
			w0: vector(decay0), w1: matrix(decay1), w2: matrix(decay2),
			a0: vector(rate0), a1: matrix(rate1), a2: matrix(rate2),
			kk: vector(removal), ka: vector(replacement), rk: vector(bonus),
		}
		l := &layers[i]
		if i > 0 {
			l.v0, l.v1, l.v2 = vector(residual0), matrix(residual1), matrix(residual2)
		}
		if dims(c).GateRank > 0 {
			l.g1, l.g2 = matrix(gate1), matrix(gate2)
		}
		if !dims(c).BareHeads {
			l.groupNorm = w.Norm(rwkv.LayerName(i, groupNorm))
		}
	}
	return layers
}

// refTimeMixer returns the time mix of one text. Call it layer after layer for each token.
func refTimeMixer(c rwkv.Config, layers []refLayer) func(i int, x, prev, state []float64) []float64 {
	var vFirst []float64 // layer 0's value of this token
	return func(i int, x, prev, state []float64) []float64 {
		if i == 0 {
			vFirst = nil
		}
		y, v := layers[i].timeMix(c, x, prev, state, vFirst)
		if i == 0 {
			vFirst = v
		}
		return y
	}
}

// refLayer holds the weights of one layer, named by the letters of the paper. A matrix is [out][in], stored by rows.
type refLayer struct {
	groupNorm  plain.Norm
	mu         []float64 // lerp of r, w, k, v, a, g
	r, k, v, o plain.Matrix
	w0, a0, v0 []float64    // decay, in-context learning rate, value residual
	w1, w2     plain.Matrix // and their low-rank pairs; layer 0 has no value residual
	a1, a2     plain.Matrix
	v1, v2     plain.Matrix
	g1, g2     plain.Matrix // gate
	kk, ka, rk []float64    // removal key, replacement rate, bonus

	ffnMu      []float64 // channel mix
	ffnK, ffnV plain.Matrix
}

// timeMix computes the RWKV-7 paper's time mixing (section 4) for one token. x is the normed input, prev that of the previous
// token. state is S of each head, which it updates. vFirst is layer 0's v, or nil in layer 0. It returns the output and v.
func (l *refLayer) timeMix(c rwkv.Config, x, prev, state, vFirst []float64) (out, v []float64) {
	n := len(x)
	mu := func(j int) []float64 { return plain.Lerp(x, prev, l.mu[j*n:][:n]) }
	xr, xw, xk, xv, xa := mu(0), mu(1), mu(2), mu(3), mu(4)

	r, k, v := l.r.Times(xr), l.k.Times(xk), l.v.Times(xv)
	w := plain.Apply(plain.Add(l.w0, l.w2.Times(plain.Apply(l.w1.Times(xw), math.Tanh))), decay)
	a := plain.Apply(plain.Add(l.a0, l.a2.Times(l.a1.Times(xa))), plain.Sigmoid)
	if vFirst != nil {
		v = plain.Lerp(v, vFirst, plain.Apply(plain.Add(l.v0, l.v2.Times(l.v1.Times(xv))), plain.Sigmoid))
	}

	y := make([]float64, n)
	size := c.HeadSize
	for h := 0; h < n; h += size { // a head's channels are h to h+size
		kk, kNew := make([]float64, size), make([]float64, size)
		length := 0.0
		for j := range size {
			kk[j] = k[h+j] * l.kk[h+j]
			length += kk[j] * kk[j]
			kNew[j] = k[h+j] * (1 + (a[h+j]-1)*l.ka[h+j])
		}
		for j := range size {
			kk[j] /= max(math.Sqrt(length), 1e-12)
		}

		// S ← S·diag(w) − S·kkᵀ·(kk⊙a) + vᵀ·k, then y = S·rᵀ
		for i := range size {
			S := state[(h+i)*size:][:size]
			removed := 0.0
			for j := range size {
				removed += S[j] * kk[j]
			}
			for j := range size {
				S[j] = S[j]*w[h+j] - removed*kk[j]*a[h+j] + v[h+i]*kNew[j]
				y[h+i] += S[j] * r[h+j]
			}
		}

		bonus := 0.0
		for j := range size {
			bonus += r[h+j] * kNew[j] * l.rk[h+j]
		}
		if !dims(c).BareHeads {
			part := plain.Norm{Weight: l.groupNorm.Weight[h:][:size], Bias: l.groupNorm.Bias[h:][:size]}
			copy(y[h:], part.Of(y[h:][:size], float64(c.GroupNormEps)))
		}
		for i := range size {
			y[h+i] += bonus * v[h+i]
		}
	}
	if dims(c).GateRank > 0 {
		y = plain.Mul(y, l.g2.Times(plain.Apply(l.g1.Times(mu(5)), plain.Sigmoid)))
	}
	return l.o.Times(y), v
}

// channelMix computes V·relu(K·x)², where x is the input lerped with that of the previous token.
func (l *refLayer) channelMix(x, prev []float64) []float64 {
	return l.ffnV.Times(plain.Apply(l.ffnK.Times(plain.Lerp(x, prev, l.ffnMu)), plain.ReLU2))
}

// decay computes w from its exponent. It is between e^(-e^-0.5), about 0.545, and 1.
func decay(x float64) float64 { return math.Exp(-math.Exp(-0.5) * plain.Sigmoid(x)) }
