package plain

import "github.com/gosling-rwkv/gosling/rwkv"

// ChannelMix is the channel mix of a layer of versions 4 to 6 (RWKV-4 paper, section 3; Eagle and Finch paper, section 4.1). A
// matrix is [out][in], stored by rows.
type ChannelMix struct {
	muK, muR []float64 // token shift
	k, r, v  Matrix
}

// ChannelMixes binds the weights of all layers.
func (w Weights) ChannelMixes(c rwkv.Config) []ChannelMix {
	mixes := make([]ChannelMix, c.Layers)
	for i := range mixes {
		matrix, vector := w.Layer(i)
		mixes[i] = ChannelMix{
			muK: vector(rwkv.ChannelMixLerpK), muR: vector(rwkv.ChannelMixLerpR),
			k: matrix(rwkv.ChannelMixKey), r: matrix(rwkv.ChannelMixReceptance), v: matrix(rwkv.ChannelMixValue),
		}
	}
	return mixes
}

// Of computes sigmoid(R·x_r) ⊙ V·relu(K·x_k)² for one token. x_r and x_k are interpolated from a to b with the lerps. Versions 4
// and 5 weigh the current token, so b is the current one. Version 6 weighs the previous token.
func (m ChannelMix) Of(a, b []float64) []float64 {
	k := Apply(m.k.Times(Lerp(a, b, m.muK)), ReLU2)
	r := Apply(m.r.Times(Lerp(a, b, m.muR)), Sigmoid)
	return Mul(m.v.Times(k), r)
}
