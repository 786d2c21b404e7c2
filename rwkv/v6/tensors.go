package v6

import "github.com/gosling-rwkv/gosling/rwkv"

// The tensors of a layer's time mix. A GGUF name adds "blk.N." before and ".weight" after.
const (
	lerpX            = "time_mix_lerp_x"     // lerp of the input that the other lerps depend on
	lerpFused        = "time_mix_lerp_fused" // the lerps of w, k, v, r and g in one tensor
	lerpSplit        = "time_mix_lerp_"      // or in five tensors, each named by one of lerps
	mixW1, mixW2     = "time_mix_w1", "time_mix_w2"
	receptance       = "time_mix_receptance"
	key              = "time_mix_key"
	value            = "time_mix_value"
	gate             = "time_mix_gate"
	output           = "time_mix_output"
	first            = "time_mix_first" // bonus
	decay0           = "time_mix_decay"
	decayW1, decayW2 = "time_mix_decay_w1", "time_mix_decay_w2"
	groupNorm        = "time_mix_ln" // a norm
)

// lerps is the order in which checkpoints and GGUF stack the five token shifts.
var lerps = []string{"w", "k", "v", "r", "g"}

// tensors is the table of version 6: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	channels := int64(c.Embed)
	return rwkv.NewTable(c, func(t *rwkv.Table, i int, to, from string) {
		att := from + "att."
		matrix := func(name, in string) {
			t.Add(to+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+in+".weight")
		}
		tokenShift(t, c, to, att)
		t.Add(to+first+".weight", rwkv.Vector, []int64{int64(c.HeadSize), int64(c.Heads())}, att+"time_faaaa")
		decay(t, c, to, att)
		matrix(receptance, "receptance")
		matrix(key, "key")
		matrix(value, "value")
		matrix(gate, "gate")
		matrix(output, "output")
		t.Norm(to+groupNorm, channels, att+"ln_x")
		t.Tuned(c, i, true)
		t.ChannelMix(c, i, "time_maa_", nil)
	})
}

// tokenShift adds the vectors of the token shift and the low-rank pair that adds to them.
func tokenShift(t *rwkv.Table, c rwkv.Config, to, att string) {
	channels, rank, n := int64(c.Embed), int64(dims(c).MixRank), int64(len(lerps))
	t.Vector(to+lerpX+".weight", channels, att+"time_maa_x")
	lerp(t, c, to, att)
	t.Transposed(to+mixW1+".weight", rwkv.Decay, channels, rank*n, att+"time_maa_w1")
	t.TransposedEach(to+mixW2+".weight", rwkv.Decay, rank, channels, n, att+"time_maa_w2")
}

// decay adds the decay and the low-rank pair that adds to it.
func decay(t *rwkv.Table, c rwkv.Config, to, att string) {
	channels, rank := int64(c.Embed), int64(dims(c).DecayRank)
	t.Vector(to+decay0+".weight", channels, att+"time_decay")
	t.Transposed(to+decayW1+".weight", rwkv.Decay, channels, rank, att+"time_decay_w1")
	t.Transposed(to+decayW2+".weight", rwkv.Decay, rank, channels, att+"time_decay_w2")
}

// lerp adds the five token-shift vectors.
func lerp(t *rwkv.Table, c rwkv.Config, to, att string) {
	var from []string
	for _, x := range lerps {
		from = append(from, att+"time_maa_"+x)
	}
	names := lerpNames(c)
	if len(names) == 1 {
		t.Stack(to+names[0]+".weight", int64(c.Embed), from...)
		return
	}
	for i, name := range names {
		t.Vector(to+name+".weight", int64(c.Embed), from[i])
	}
}

// lerpNames names the tensors of the five token-shift vectors: one tensor or, in some files, five.
func lerpNames(c rwkv.Config) []string {
	if !dims(c).SplitLerp {
		return []string{lerpFused}
	}
	var names []string
	for _, x := range lerps {
		names = append(names, lerpSplit+x)
	}
	return names
}
