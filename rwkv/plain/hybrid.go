package plain

import (
	"fmt"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// rms divides x by its root mean square and scales it.
func rms(x, weight []float64, eps float64) []float64 {
	square := 0.0
	for _, v := range x {
		square += v * v / float64(len(x))
	}
	return Mul(Apply(x, func(v float64) float64 { return v / math.Sqrt(square+eps) }), weight)
}

// Hybrid is Reference for the frame of a Qwen transformer: RMS norms, and a feed-forward part (SwiGLU) that only looks at its own
// token. A layer has two states: the time mix's shift, and the recurrence's with recurrence elements. timeMix updates the latter
// in place.
func (w Weights) Hybrid(c rwkv.Config, recurrence int, timeMix func() func(layer int, x, prev, state []float64) []float64) rwkv.Reference {
	return func(state [][]float64, tokens []int32) (logits, next [][]float64, err error) {
		for range c.Layers {
			next = append(next, make([]float64, c.Embed), make([]float64, recurrence))
		}
		if state != nil && len(state) != len(next) {
			return nil, nil, fmt.Errorf("a state of %d tensors, want %d", len(state), len(next))
		}
		for i := range state {
			next[i] = slices.Clone(state[i])
		}
		mix := timeMix()
		for i, token := range tokens {
			if token < 0 || int(token) >= c.Vocab {
				return nil, nil, fmt.Errorf("token %d at %d: the model has %d", token, i, c.Vocab)
			}
			logits = append(logits, w.hybridStep(c, mix, next, int(token)))
		}
		return logits, next, nil
	}
}

// hybridStep computes one token through all layers.
func (w Weights) hybridStep(c rwkv.Config, timeMix func(layer int, x, prev, state []float64) []float64, state [][]float64, token int) []float64 {
	eps := float64(c.NormEps)
	x := w.Vector(rwkv.TokenEmbd)[token*c.Embed:][:c.Embed]
	for i := range c.Layers {
		matrix, vector := w.Layer(i)
		in := rms(x, vector(rwkv.AttnNorm), eps)
		x = Add(x, timeMix(i, in, state[2*i], state[2*i+1]))
		state[2*i] = in

		in = rms(x, vector(rwkv.FFNNorm), eps)
		gate := Apply(matrix(rwkv.FFNGate).Times(in), SiLU)
		x = Add(x, matrix(rwkv.FFNDown).Times(Mul(gate, matrix(rwkv.FFNUp).Times(in))))
	}
	return w.get(rwkv.Output).Times(rms(x, w.Vector(rwkv.OutputNorm+".weight"), eps))
}
