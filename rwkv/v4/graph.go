package v4

import (
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

	MuR, MuK, MuV ggml.Tensor // token shift
	R, K, V, O    ggml.Tensor
	U, W          ggml.Tensor // bonus and decay, [channels]
}

// newForward binds the weights and returns the function that builds graphs.
func newForward(c rwkv.Config, w rwkv.Weights) rwkv.Forward {
	frame, channelMixes := op.NewFrame(c, w), op.ChannelMixes(c, w)
	layers := make([]layer, c.Layers)
	for i := range layers {
		at := w.Layer(i)
		layers[i] = layer{
			index: i,
			MuR:   at(lerpR), MuK: at(lerpK), MuV: at(lerpV),
			R: at(receptance), K: at(key), V: at(value), O: at(output),
			U: at(first), W: at(decay),
		}
	}
	return func(b rwkv.Batch) ggml.Tensor {
		return frame.Forward(b, op.Mixers{
			TimeMix:    func(i int, in op.Shifted) ggml.Tensor { return layers[i].timeMix(b, in) },
			ChannelMix: func(i int, in op.Shifted) ggml.Tensor { return channelMixes[i].Of(in) },
		})
	}
}

// timeMix builds y = O(sigmoid(r) ⊙ wkv) (RWKV-4 paper, section 3). It updates the states.
func (l *layer) timeMix(b rwkv.Batch, in op.Shifted) ggml.Tensor {
	x := in.Lerps(l.MuR, l.MuK, l.MuV)
	r, k, v := x[0].MatMul(l.R), x[1].MatMul(l.K), x[2].MatMul(l.V)
	return r.Sigmoid().Mul(wkv(b, l.index, k, v, l.U, l.W)).MatMul(l.O)
}
