package v5

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// tensors is the table of version 5: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from. GGUF
// files of all forms look alike: decay and bonus are spread over the channels, and a bonus stored as a logarithm is converted.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	var t rwkv.Table
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	mixes, matrices := []string{"k", "v", "r"}, []string{"receptance", "key", "value"}
	if c.Gated {
		mixes, matrices = append(mixes, "g"), append(matrices, "gate")
	}
	t.Add("token_embd.weight", rwkv.Embedding, []int64{channels, vocab}, "emb.weight")
	t.Norm("token_embd_norm", channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.", i)
		att, ffnFrom := from+"att.", from+"ffn."
		t.Norm(to+"attn_norm", channels, from+"ln1")
		t.Norm(to+"attn_norm_2", channels, from+"ln2")
		for _, x := range mixes {
			t.Vector(to+"time_mix_lerp_"+x+".weight", channels, att+"time_mix_"+x).Prepare = op.OneMinus
		}
		bonus, f := "time_faaaa", func(x float32) float32 { return x }
		if c.LogBonus {
			bonus, f = "time_first", func(x float32) float32 { return float32(math.Exp(float64(x))) }
		}
		t = append(t, spread(c, to+"time_mix_first.weight", att+bonus, f))
		decay := spread(c, to+"time_mix_decay.weight", att+"time_decay", func(x float32) float32 { return x })
		decay.Prepare = op.ExpNegExp
		t = append(t, decay)
		for _, name := range append(matrices, "output") {
			t.Add(to+"time_mix_"+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+name+".weight")
		}
		t.Norm(to+"time_mix_ln", channels, att+"ln_x")
		t.Tuned(c, i, true)
		t.Vector(to+"channel_mix_lerp_k.weight", channels, ffnFrom+"time_mix_k").Prepare = op.OneMinus
		t.Vector(to+"channel_mix_lerp_r.weight", channels, ffnFrom+"time_mix_r").Prepare = op.OneMinus
		t.Add(to+"channel_mix_key.weight", rwkv.Matrix, []int64{channels, ffn}, ffnFrom+"key.weight")
		t.Add(to+"channel_mix_receptance.weight", rwkv.Matrix, []int64{channels, channels}, ffnFrom+"receptance.weight")
		t.Add(to+"channel_mix_value.weight", rwkv.Matrix, []int64{ffn, channels}, ffnFrom+"value.weight")
	}
	t.Norm("output_norm", channels, "ln_out")
	t.Add("output.weight", rwkv.Head, []int64{channels, vocab}, "head.weight")
	return t
}

// spread returns a vector with one element per channel, made from one with an element per channel or per head.
func spread(c rwkv.Config, name, from string, f func(float32) float32) rwkv.TensorSpec {
	size, heads := int64(c.HeadSize), int64(c.Heads())
	per, shape := int64(1), rwkv.Squeeze(heads, size)
	if c.PerHead {
		per, shape = size, rwkv.Squeeze(heads)
	}
	return rwkv.TensorSpec{
		Name: name, Class: rwkv.Vector, Shape: []int64{size, heads}, From: []string{from}, FromShape: shape,
		Make: func(dst []float32, src [][]float32) {
			for i := range dst {
				dst[i] = f(src[0][int64(i)/per])
			}
		},
	}
}
