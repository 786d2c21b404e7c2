package v6

import (
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/plain"
)

// hybridReference computes the hybrid as reference computes RWKV-6.
func hybridReference(c rwkv.Config, weights rwkv.RefWeights) (rwkv.Reference, error) {
	w, err := plain.Load(hybridTensors(c), weights)
	if err != nil {
		return nil, err
	}
	var layers []hybridRefLayer
	for i, l := range newRefLayers(c, w) {
		hybrid := hybridRefLayer{refLayer: l}
		if dims(c).Biases {
			bias := func(name string) []float64 { return w.Vector(rwkv.LayerName(i, name+".bias")) }
			hybrid.rBias, hybrid.kBias, hybrid.vBias = bias(receptance), bias(key), bias(value)
		}
		layers = append(layers, hybrid)
	}
	return w.Hybrid(c, c.Embed*c.HeadSize, func() func(int, []float64, []float64, []float64) []float64 {
		return func(i int, x, prev, state []float64) []float64 { return layers[i].timeMix(x, prev, state) }
	}), nil
}

// hybridRefLayer holds the weights of one layer. Biases may be missing.
type hybridRefLayer struct {
	refLayer
	rBias, kBias, vBias []float64
}

// timeMix computes one token. For each head S ← diag(w)·S + ((1-w) ⊙ k)ᵀ·v and y = r·S/√size. S is state, [head][key][value].
func (l *hybridRefLayer) timeMix(x, prev, state []float64) []float64 {
	mixed := l.lerps(x, prev)
	xw, xk, xv, xr, xg := mixed[0], mixed[1], mixed[2], mixed[3], mixed[4]
	r, k, v := l.r.Times(xr), l.k.Times(xk), l.v.Times(xv)
	if dims(l.config).Biases {
		r, k, v = plain.Add(r, l.rBias), plain.Add(k, l.kBias), plain.Add(v, l.vBias)
	}
	g := plain.Apply(l.g.Times(xg), plain.Sigmoid)
	w := l.decay(xw)

	size, each := l.config.HeadSize, l.config.Heads()/dims(l.config).KVHeads // so many heads share a key
	y := make([]float64, len(x))
	for i := range y { // key channel i, of the head that begins at channel h
		h := i / size * size
		keys := h / size / each * size // where its keys and values begin
		S := state[i*size:][:size]
		for j := range size {
			S[j] = w[i]*S[j] + (1-w[i])*k[keys+i-h]*v[keys+j]
			y[h+j] += r[i] * S[j] / math.Sqrt(float64(size))
		}
	}
	return l.o.Times(plain.Mul(y, g))
}
