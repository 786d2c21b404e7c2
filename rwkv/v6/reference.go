package v6

import (
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// reference computes RWKV-6 in float64 with plain loops, without ggml. Graphs are compared with it. It is written to be read
// beside the paper. It may be shared between goroutines. A layer's wkv state is S, [head][key][value].
func reference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(tensors(c), weights)
	if err != nil {
		return nil, err
	}
	layers, channelMixes := newRefLayers(c, w), w.ChannelMixes(c)
	for i := range layers {
		_, vector := w.Layer(i)
		layers[i].groupNorm, layers[i].u = w.Norm(rwkv.LayerName(i, groupNorm)), vector(first)
	}
	start := func() [][]float64 { return plain.Start(c, make([]float64, c.Embed*c.HeadSize)) }
	return w.Reference(c, start, func() plain.Mixers {
		return plain.Mixers{
			TimeMix: func(i int, x, prev []float64, state [][]float64) []float64 {
				return layers[i].timeMix(x, prev, state[0])
			},
			ChannelMix: func(i int, x, prev []float64) []float64 { return channelMixes[i].Of(x, prev) },
			Rescale:    dims(c).Rescale,
		}
	}), nil
}

// newRefLayers binds the weights that the hybrid's layers also have.
func newRefLayers(c rwkv.Config, w plain.Weights) []refLayer {
	layers := make([]refLayer, c.Layers)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i] = refLayer{
			config: c,
			muX:    vector(lerpX), w1: matrix(mixW1), w2: matrix(mixW2),
			r: matrix(receptance), k: matrix(key), v: matrix(value), g: matrix(gate), o: matrix(output),
			d0: vector(decay0), d1: matrix(decayW1), d2: matrix(decayW2),
		}
		for _, name := range lerpNames(c) {
			layers[i].mu = append(layers[i].mu, vector(name)...)
		}
	}
	return layers
}

// refLayer holds the weights of one layer, named by the letters of the paper. A matrix is [out][in], stored by rows.
type refLayer struct {
	config        rwkv.Config
	groupNorm     plain.Norm
	muX, mu       []float64 // token shift; mu and w2 hold the parts for w, k, v, r, g in this order
	w1, w2        plain.Matrix
	r, k, v, g, o plain.Matrix
	u             []float64 // bonus
	d0            []float64 // decay
	d1, d2        plain.Matrix
}

// timeMix computes the Eagle and Finch paper's time mixing (section 4.2) for one token. x is the normed input, prev that of the
// previous token.
func (l *refLayer) timeMix(x, prev, state []float64) []float64 {
	mixed := l.lerps(x, prev)
	xw, xk, xv, xr, xg := mixed[0], mixed[1], mixed[2], mixed[3], mixed[4]

	r, k, v := l.r.Times(xr), l.k.Times(xk), l.v.Times(xv)
	g := plain.Apply(l.g.Times(xg), plain.SiLU)
	w := l.decay(xw)

	y := plain.WKV6(l.config.HeadSize, r, k, v, l.u, w, state)
	y = l.groupNorm.OfHeads(y, l.config.HeadSize, float64(l.config.GroupNormEps))
	return l.o.Times(plain.Mul(y, g))
}

// lerps computes the token shift that depends on the data, for w, k, v, r and g.
func (l *refLayer) lerps(x, prev []float64) [][]float64 {
	n, rank, parts := len(x), dims(l.config).MixRank, len(lerps)
	low := plain.Apply(l.w1.Times(plain.Lerp(x, prev, l.muX)), math.Tanh)
	mixed := make([][]float64, parts)
	for j := range parts {
		shift := l.w2.Part(j, n*rank).Times(low[j*rank:][:rank])
		mixed[j] = plain.Lerp(x, prev, plain.Add(l.mu[j*n:][:n], shift))
	}
	return mixed
}

// decay computes e^(-e^d) for each channel, with the token's own d.
func (l *refLayer) decay(xw []float64) []float64 {
	d := plain.Add(l.d0, l.d2.Times(plain.Apply(l.d1.Times(xw), math.Tanh)))
	return plain.Apply(d, func(d float64) float64 { return math.Exp(-math.Exp(d)) })
}
