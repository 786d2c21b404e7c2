package v4

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// The states of the recurrence: see average.
const (
	wkvMean = "wkv_mean" // [channels]
	wkvLog  = "wkv_log"  // [channels]
)

// nothing is the logarithm of a weight that is negligible compared with any other.
const nothing = -1e30

// state lists what version 4 carries from token to token.
func state(c rwkv.Config) []rwkv.StateSpec {
	return op.States(c,
		rwkv.StateSpec{Name: wkvMean, Elements: int64(c.Embed)},
		rwkv.StateSpec{Name: wkvLog, Elements: int64(c.Embed), Start: nothing},
	)
}

// layer holds the weights of one layer, named by the letters of the paper. Matrices are [in, out]. The lerps are prepared to
// weigh the previous token, and the decay is prepared as a logarithm.
type layer struct {
	index int

	MuR, MuK, MuV    ggml.Tensor // token shift
	R, K, V, O       ggml.Tensor
	U, W             ggml.Tensor // bonus and decay, [channels]
	FFNMuK, FFNMuR   ggml.Tensor
	FFNK, FFNR, FFNV ggml.Tensor // channel mix
}

// newForward binds the weights and returns the function that builds graphs.
func newForward(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame := op.NewFrame(c, w)
	layers := make([]layer, c.Layers)
	for i := range layers {
		at := func(name string) ggml.Tensor { return w(fmt.Sprintf("blk.%d.%s.weight", i, name)) }
		layers[i] = layer{
			index: i,
			MuR:   at("time_mix_lerp_r"), MuK: at("time_mix_lerp_k"), MuV: at("time_mix_lerp_v"),
			R: at("time_mix_receptance"), K: at("time_mix_key"), V: at("time_mix_value"), O: at("time_mix_output"),
			U: at("time_mix_first"), W: at("time_mix_decay"),
			FFNMuK: at("channel_mix_lerp_k"), FFNMuR: at("channel_mix_lerp_r"),
			FFNK: at("channel_mix_key"), FFNR: at("channel_mix_receptance"), FFNV: at("channel_mix_value"),
		}
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, op.Mixers{
			TimeMix:    func(i int, x, dx ggml.Tensor) ggml.Tensor { return layers[i].timeMix(b, x, dx) },
			ChannelMix: func(i int, x, dx ggml.Tensor) ggml.Tensor { return layers[i].channelMix(x, dx) },
		})
	}
}

// timeMix builds y = O(sigmoid(r) ⊙ wkv) (RWKV-4 paper, section 3). x is [channels, tokens], dx is x one token earlier minus x.
// It updates the states.
func (l *layer) timeMix(b rwkv.Batch, x, dx ggml.Tensor) ggml.Tensor {
	r := dx.Mul(l.MuR).Add(x).MatMul(l.R)
	k := dx.Mul(l.MuK).Add(x).MatMul(l.K)
	v := dx.Mul(l.MuV).Add(x).MatMul(l.V)
	return r.Sigmoid().Mul(wkv(b, l.index, k, v, l.U, l.W)).MatMul(l.O)
}

// channelMix builds sigmoid(R(x_r)) ⊙ V(relu(K(x_k))²) (RWKV-4 paper, section 3).
func (l *layer) channelMix(x, dx ggml.Tensor) ggml.Tensor {
	k := dx.Mul(l.FFNMuK).Add(x).MatMul(l.FFNK).Relu().Sqr()
	r := dx.Mul(l.FFNMuR).Add(x).MatMul(l.FFNR).Sigmoid()
	return k.MatMul(l.FFNV).Mul(r)
}
