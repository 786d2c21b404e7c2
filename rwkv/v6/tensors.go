package v6

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// lerps is the order in which checkpoints and GGUF stack the five token shifts.
var lerps = []string{"w", "k", "v", "r", "g"}

// tensors is the table of version 6: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	var t rwkv.Table
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	t.Add("token_embd.weight", rwkv.Embedding, []int64{channels, vocab}, "emb.weight")
	t.Norm("token_embd_norm", channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.", i)
		att := from + "att."
		t.Norm(to+"attn_norm", channels, from+"ln1")
		t.Norm(to+"attn_norm_2", channels, from+"ln2")
		tokenShift(&t, c, to, att)
		t.Add(to+"time_mix_first.weight", rwkv.Vector, []int64{int64(c.HeadSize), int64(c.Heads())}, att+"time_faaaa")
		decay(&t, c, to, att)
		for _, name := range []string{"receptance", "key", "value", "gate", "output"} {
			t.Add(to+"time_mix_"+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+name+".weight")
		}
		t.Norm(to+"time_mix_ln", channels, att+"ln_x")
		t.Tuned(c, i, true)
		t.Vector(to+"channel_mix_lerp_k.weight", channels, from+"ffn.time_maa_k")
		t.Vector(to+"channel_mix_lerp_r.weight", channels, from+"ffn.time_maa_r")
		t.Add(to+"channel_mix_key.weight", rwkv.Matrix, []int64{channels, ffn}, from+"ffn.key.weight")
		t.Add(to+"channel_mix_receptance.weight", rwkv.Matrix, []int64{channels, channels}, from+"ffn.receptance.weight")
		t.Add(to+"channel_mix_value.weight", rwkv.Matrix, []int64{ffn, channels}, from+"ffn.value.weight")
	}
	t.Norm("output_norm", channels, "ln_out")
	t.Add("output.weight", rwkv.Head, []int64{channels, vocab}, "head.weight")
	return t
}

// tokenShift adds the vectors of the token shift and the low-rank pair that adds to them.
func tokenShift(t *rwkv.Table, c rwkv.Config, to, att string) {
	channels, rank, n := int64(c.Embed), int64(c.MixRank), int64(len(lerps))
	t.Vector(to+"time_mix_lerp_x.weight", channels, att+"time_maa_x")
	lerp(t, c, to, att)
	t.Transposed(to+"time_mix_w1.weight", rwkv.Decay, channels, rank*n, att+"time_maa_w1")
	t.TransposedEach(to+"time_mix_w2.weight", rwkv.Decay, rank, channels, n, att+"time_maa_w2")
}

// decay adds the decay and the low-rank pair that adds to it.
func decay(t *rwkv.Table, c rwkv.Config, to, att string) {
	channels, rank := int64(c.Embed), int64(c.DecayRank)
	t.Vector(to+"time_mix_decay.weight", channels, att+"time_decay")
	t.Transposed(to+"time_mix_decay_w1.weight", rwkv.Decay, channels, rank, att+"time_decay_w1")
	t.Transposed(to+"time_mix_decay_w2.weight", rwkv.Decay, rank, channels, att+"time_decay_w2")
}

// lerp adds the five token-shift vectors. Most files have them in one tensor, some in five.
func lerp(t *rwkv.Table, c rwkv.Config, to, att string) {
	if c.SplitLerp {
		for _, x := range lerps {
			t.Vector(to+"time_mix_lerp_"+x+".weight", int64(c.Embed), att+"time_maa_"+x)
		}
		return
	}
	var from []string
	for _, x := range lerps {
		from = append(from, att+"time_maa_"+x)
	}
	t.Stack(to+"time_mix_lerp_fused.weight", int64(c.Embed), from...)
}
