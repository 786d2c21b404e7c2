package v5

import (
	"fmt"
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
	layers := make([]refLayer, c.Layers)
	for i := range layers {
		matrix, vector := w.Layer(i)
		layers[i] = refLayer{
			config: c, groupNorm: w.Norm(fmt.Sprintf("blk.%d.time_mix_ln", i)),
			muR: vector("time_mix_lerp_r"), muK: vector("time_mix_lerp_k"), muV: vector("time_mix_lerp_v"), muG: vector("time_mix_lerp_g"),
			r: matrix("time_mix_receptance"), k: matrix("time_mix_key"), v: matrix("time_mix_value"), g: matrix("time_mix_gate"), o: matrix("time_mix_output"),
			u:      vector("time_mix_first"),
			w:      plain.Apply(vector("time_mix_decay"), func(d float64) float64 { return math.Exp(-math.Exp(d)) }),
			ffnMuK: vector("channel_mix_lerp_k"), ffnMuR: vector("channel_mix_lerp_r"),
			ffnK: matrix("channel_mix_key"), ffnR: matrix("channel_mix_receptance"), ffnV: matrix("channel_mix_value"),
		}
	}
	start := func() [][]float64 { return plain.Start(c, make([]float64, c.Embed*c.HeadSize)) }
	return w.Reference(c, start, func() plain.Mixers {
		return plain.Mixers{
			TimeMix: func(i int, x, prev []float64, state [][]float64) []float64 {
				return layers[i].timeMix(x, prev, state[0])
			},
			ChannelMix: func(i int, x, prev []float64) []float64 { return layers[i].channelMix(x, prev) },
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
	ffnMuK, ffnMuR     []float64
	ffnK, ffnR, ffnV   plain.Matrix
}

// timeMix computes the Eagle and Finch paper's time mixing (section 4.2) for one token. x is the normed input, prev that of the
// previous token.
func (l *refLayer) timeMix(x, prev, state []float64) []float64 {
	r := l.r.Times(plain.Lerp(prev, x, l.muR))
	k := l.k.Times(plain.Lerp(prev, x, l.muK))
	v := l.v.Times(plain.Lerp(prev, x, l.muV))
	y := plain.WKV6(l.config.HeadSize, r, k, v, l.u, l.w, state)
	y = l.groupNorm.OfHeads(y, l.config.HeadSize, float64(l.config.GroupNormEps))
	if l.config.Gated {
		y = plain.Mul(y, plain.Apply(l.g.Times(plain.Lerp(prev, x, l.muG)), plain.SiLU))
	}
	return l.o.Times(y)
}

// channelMix computes sigmoid(R·x_r) ⊙ V·relu(K·x_k)².
func (l *refLayer) channelMix(x, prev []float64) []float64 {
	k := plain.Apply(l.ffnK.Times(plain.Lerp(prev, x, l.ffnMuK)), plain.ReLU2)
	r := plain.Apply(l.ffnR.Times(plain.Lerp(prev, x, l.ffnMuR)), plain.Sigmoid)
	return plain.Mul(l.ffnV.Times(k), r)
}
