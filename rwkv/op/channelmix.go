package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// ChannelMix is the channel mix of a layer of versions 4 to 6 (RWKV-4 paper, section 3; Eagle and Finch paper, section 4.1).
// Matrices are [in, out]. The lerps weigh the previous token.
type ChannelMix struct {
	MuK, MuR ggml.Tensor // token shift
	K, R, V  ggml.Tensor
}

// ChannelMixes binds the weights of all layers.
func ChannelMixes(c rwkv.Config, w rwkv.Weights) []ChannelMix {
	mixes := make([]ChannelMix, c.Layers)
	for i := range mixes {
		at := w.Layer(i)
		mixes[i] = ChannelMix{
			MuK: at(rwkv.ChannelMixLerpK), MuR: at(rwkv.ChannelMixLerpR),
			K: at(rwkv.ChannelMixKey), R: at(rwkv.ChannelMixReceptance), V: at(rwkv.ChannelMixValue),
		}
	}
	return mixes
}

// Of builds sigmoid(R(x_r)) ⊙ V(relu(K(x_k))²).
func (m ChannelMix) Of(in Shifted) ggml.Tensor {
	x := in.Lerps(m.MuK, m.MuR)
	k, r := x[0].MatMul(m.K).ReluSqr(), x[1].MatMul(m.R).Sigmoid()
	return k.MatMul(m.V).Mul(r)
}
