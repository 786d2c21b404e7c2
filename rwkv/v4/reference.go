package v4

import (
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// reference computes RWKV-4 in float64 with plain loops, without ggml. Graphs are compared with it. It is written to be read
// beside the paper. It may be shared between goroutines. Inside it uses the paper's aa, bb and pp. Its states are those of State.
func reference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(tensors(c), weights)
	if err != nil {
		return nil, err
	}
	layers, channelMixes := make([]refLayer, c.Layers), w.ChannelMixes(c)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i] = refLayer{
			muR: vector(lerpR), muK: vector(lerpK), muV: vector(lerpV),
			r: matrix(receptance), k: matrix(key), v: matrix(value), o: matrix(output),
			u: vector(first), w: plain.Apply(vector(decay), func(d float64) float64 { return -math.Exp(d) }),
		}
	}
	start := func() [][]float64 {
		logs := make([]float64, c.Embed)
		for i := range logs {
			logs[i] = nothing
		}
		return plain.Start(c, make([]float64, c.Embed), logs)
	}
	return w.Reference(c, start, func() plain.Mixers {
		return plain.Mixers{
			TimeMix: func(i int, x, prev []float64, state [][]float64) []float64 {
				return layers[i].timeMix(x, prev, state[0], state[1])
			},
			ChannelMix: func(i int, x, prev []float64) []float64 { return channelMixes[i].Of(prev, x) },
		}
	}), nil
}

// refLayer holds the weights of one layer, named by the letters of the paper. A matrix is [out][in], stored by rows. The lerps
// weigh the current token.
type refLayer struct {
	muR, muK, muV []float64
	r, k, v, o    plain.Matrix
	u, w          []float64 // bonus and the decay's logarithm
}

// timeMix computes the RWKV-4 paper's time mixing for one token (appendix, "numerically stable"). x is the normed input, prev
// that of the previous token. It updates mean and log.
func (l *refLayer) timeMix(x, prev, mean, log []float64) []float64 {
	r := plain.Apply(l.r.Times(plain.Lerp(prev, x, l.muR)), plain.Sigmoid)
	k := l.k.Times(plain.Lerp(prev, x, l.muK))
	v := l.v.Times(plain.Lerp(prev, x, l.muV))
	wkv := make([]float64, len(x))
	for i := range x {
		pp, bb := log[i], 1.0 // one of all the scales that give the same state
		aa := mean[i] * bb

		q := max(pp, l.u[i]+k[i])
		e1, e2 := math.Exp(pp-q), math.Exp(l.u[i]+k[i]-q)
		wkv[i] = (e1*aa + e2*v[i]) / (e1*bb + e2)

		q = max(pp+l.w[i], k[i])
		e1, e2 = math.Exp(pp+l.w[i]-q), math.Exp(k[i]-q)
		aa, bb, pp = e1*aa+e2*v[i], e1*bb+e2, q
		mean[i], log[i] = aa/bb, math.Log(bb)+pp
	}
	return l.o.Times(plain.Mul(r, wkv))
}
