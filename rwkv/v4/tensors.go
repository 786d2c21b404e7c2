package v4

import (
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// The tensors of a layer's time mix. A GGUF name adds "blk.N." before and ".weight" after.
const (
	lerpR, lerpK, lerpV = "time_mix_lerp_r", "time_mix_lerp_k", "time_mix_lerp_v" // token shift
	receptance          = "time_mix_receptance"
	key                 = "time_mix_key"
	value               = "time_mix_value"
	output              = "time_mix_output"
	first               = "time_mix_first" // bonus
	decay               = "time_mix_decay"
)

// tensors is the table of version 4: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	channels := int64(c.Embed)
	return rwkv.NewTable(c, func(t *rwkv.Table, i int, to, from string) {
		vector := func(name, in string) *rwkv.TensorSpec { return t.Vector(to+name+".weight", channels, from+in) }
		matrix := func(name, in string) {
			t.Add(to+name+".weight", rwkv.Matrix, []int64{channels, channels}, from+in+".weight")
		}
		vector(lerpK, "att.time_mix_k").Prepare = op.OneMinus
		vector(lerpV, "att.time_mix_v").Prepare = op.OneMinus
		vector(lerpR, "att.time_mix_r").Prepare = op.OneMinus
		vector(first, "att.time_first")
		vector(decay, "att.time_decay").Prepare = op.NegExp
		matrix(receptance, "att.receptance")
		matrix(key, "att.key")
		matrix(value, "att.value")
		matrix(output, "att.output")
		t.ChannelMix(c, i, "time_mix_", op.OneMinus)
	})
}
