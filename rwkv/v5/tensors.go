package v5

import (
	"math"

	"github.com/gosling-rwkv/gosling/internal/shape"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// The tensors of a layer's time mix. A GGUF name adds "blk.N." before and ".weight" after.
const (
	lerpR, lerpK, lerpV = "time_mix_lerp_r", "time_mix_lerp_k", "time_mix_lerp_v" // token shift
	lerpG               = "time_mix_lerp_g"                                       // not in version 5.0
	receptance          = "time_mix_receptance"
	key                 = "time_mix_key"
	value               = "time_mix_value"
	gate                = "time_mix_gate" // not in version 5.0
	output              = "time_mix_output"
	first               = "time_mix_first" // bonus
	decay               = "time_mix_decay"
	groupNorm           = "time_mix_ln" // a norm
)

// tensors is the table of version 5: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from. GGUF
// files of all forms look alike: decay and bonus are spread over the channels, and a bonus stored as a logarithm is converted.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	channels, own := int64(c.Embed), dims(c)
	return rwkv.NewTable(c, func(t *rwkv.Table, i int, to, from string) {
		lerp := func(name, in string) { t.Vector(to+name+".weight", channels, from+in).Prepare = op.OneMinus }
		matrix := func(name, in string) {
			t.Add(to+name+".weight", rwkv.Matrix, []int64{channels, channels}, from+in+".weight")
		}
		lerp(lerpK, "att.time_mix_k")
		lerp(lerpV, "att.time_mix_v")
		lerp(lerpR, "att.time_mix_r")
		if own.Gated {
			lerp(lerpG, "att.time_mix_g")
		}
		same := func(x float32) float32 { return x }
		if own.LogBonus {
			*t = append(*t, spread(c, to+first+".weight", from+"att.time_first", func(x float32) float32 { return float32(math.Exp(float64(x))) }))
		} else {
			*t = append(*t, spread(c, to+first+".weight", from+"att.time_faaaa", same))
		}
		w := spread(c, to+decay+".weight", from+"att.time_decay", same)
		w.Prepare = op.ExpNegExp
		*t = append(*t, w)
		matrix(receptance, "att.receptance")
		matrix(key, "att.key")
		matrix(value, "att.value")
		if own.Gated {
			matrix(gate, "att.gate")
		}
		matrix(output, "att.output")
		t.Norm(to+groupNorm, channels, from+"att.ln_x")
		t.Tuned(c, i, true)
		t.ChannelMix(c, i, "time_mix_", op.OneMinus)
	})
}

// spread returns a vector with one element per channel, made from one with an element per channel or per head.
func spread(c rwkv.Config, name, from string, f func(float32) float32) rwkv.TensorSpec {
	size, heads := int64(c.HeadSize), int64(c.Heads())
	per, fromShape := int64(1), shape.Squeeze(heads, size)
	if dims(c).PerHead {
		per, fromShape = size, shape.Squeeze(heads)
	}
	return rwkv.TensorSpec{
		Name: name, Class: rwkv.Vector, Shape: []int64{size, heads}, From: []string{from}, FromShape: fromShape,
		Make: func(dst []float32, src [][]float32) {
			for i := range dst {
				dst[i] = f(src[0][int64(i)/per])
			}
		},
	}
}
