package v5

import (
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// reference computes RWKV-5 in float64 with plain loops, without ggml. Graphs are compared with it. It is written to be read
// beside the paper. It may be shared between goroutines. A layer's wkv state is S, [head][key][value].
func reference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(tensors(c), weights)
	if err != nil {
		return nil, err
	}
	layers, channelMixes := make([]refLayer, c.Layers), w.ChannelMixes(c)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i] = refLayer{
			config: c, groupNorm: w.Norm(rwkv.LayerName(i, groupNorm)),
			muR: vector(lerpR), muK: vector(lerpK), muV: vector(lerpV),
			r: matrix(receptance), k: matrix(key), v: matrix(value), o: matrix(output),
			u: vector(first),
			w: plain.Apply(vector(decay), func(d float64) float64 { return math.Exp(-math.Exp(d)) }),
		}
		if dims(c).Gated {
			layers[i].muG, layers[i].g = vector(lerpG), matrix(gate)
		}
	}
	start := func() [][]float64 { return plain.Start(c, make([]float64, c.Embed*c.HeadSize)) }
	return w.Reference(c, start, func() plain.Mixers {
		return plain.Mixers{
			TimeMix: func(i int, x, prev []float64, state [][]float64) []float64 {
				return layers[i].timeMix(x, prev, state[0])
			},
			ChannelMix: func(i int, x, prev []float64) []float64 { return channelMixes[i].Of(prev, x) },
		}
	}), nil
}

// refLayer holds the weights of one layer, named by the letters of the paper. A matrix is [out][in], stored by rows. The lerps
// weigh the current token.
type refLayer struct {
	config             rwkv.Config
	groupNorm          plain.Norm
	muR, muK, muV, muG []float64
	r, k, v, g, o      plain.Matrix
	u, w               []float64 // bonus and decay
}

// timeMix computes the Eagle and Finch paper's time mixing (section 4.2) for one token. x is the normed input, prev that of the
// previous token.
func (l *refLayer) timeMix(x, prev, state []float64) []float64 {
	r := l.r.Times(plain.Lerp(prev, x, l.muR))
	k := l.k.Times(plain.Lerp(prev, x, l.muK))
	v := l.v.Times(plain.Lerp(prev, x, l.muV))
	y := plain.WKV6(l.config.HeadSize, r, k, v, l.u, l.w, state)
	y = l.groupNorm.OfHeads(y, l.config.HeadSize, float64(l.config.GroupNormEps))
	if dims(l.config).Gated {
		y = plain.Mul(y, plain.Apply(l.g.Times(plain.Lerp(prev, x, l.muG)), plain.SiLU))
	}
	return l.o.Times(y)
}
