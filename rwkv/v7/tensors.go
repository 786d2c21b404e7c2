package v7

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// lerps is the order in which GGUF stacks the six token-shift vectors.
var lerps = []string{"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"}

// tensors is the table of version 7: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	var t rwkv.Table
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	t.Add("token_embd.weight", rwkv.Embedding, []int64{channels, vocab}, "emb.weight")
	t.Norm("token_embd_norm", channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.", i)
		t.Norm(to+"attn_norm", channels, from+"ln1")
		t.Norm(to+"attn_norm_2", channels, from+"ln2")
		timeMix(&t, c, i)
		t.Tuned(c, i, false)
		t.Add(to+"channel_mix_lerp_k.weight", rwkv.Vector, []int64{channels}, from+"ffn.x_k")
		t.Add(to+"channel_mix_key.weight", rwkv.Matrix, []int64{channels, ffn}, from+"ffn.key.weight")
		t.Add(to+"channel_mix_value.weight", rwkv.Matrix, []int64{ffn, channels}, from+"ffn.value.weight")
	}
	t.Norm("output_norm", channels, "ln_out")
	t.Add("output.weight", rwkv.Head, []int64{channels, vocab}, "head.weight")
	return t
}

// timeMix adds the tensors of layer i's time mix.
func timeMix(t *rwkv.Table, c rwkv.Config, i int) {
	to, att, channels := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.att.", i), int64(c.Embed)
	mixed := lerps
	if c.GateRank == 0 {
		mixed = lerps[:len(lerps)-1]
	}
	t.Stack(to+"time_mix_lerp_fused.weight", channels, prefixed(att, mixed)...)
	lowRank(t, to+"time_mix_w", channels, int64(c.DecayRank), rwkv.Decay, att+"w")
	lowRank(t, to+"time_mix_a", channels, int64(c.RateRank), rwkv.LowRank, att+"a")
	if i > 0 {
		lowRank(t, to+"time_mix_v", channels, int64(c.ValueRank), rwkv.LowRank, att+"v")
	} else {
		// Layer 0 has no value residual. llama.cpp requires its tensors anyway, in the shape of a's, so files contain copies of
		// those.
		first := len(*t)
		lowRank(t, to+"time_mix_v", channels, int64(c.RateRank), rwkv.LowRank, att+"a")
		for j := range (*t)[first:] {
			(*t)[first+j].Optional = true
		}
	}
	if c.GateRank > 0 {
		t.Transposed(to+"time_mix_g1.weight", rwkv.LowRank, channels, int64(c.GateRank), att+"g1")
		t.Transposed(to+"time_mix_g2.weight", rwkv.LowRank, int64(c.GateRank), channels, att+"g2")
	}
	for _, name := range []string{"k_k", "k_a", "r_k"} {
		t.Add(to+"time_mix_"+name+".weight", rwkv.Vector, []int64{channels}, att+name)
	}
	(*t)[len(*t)-1].FromShape = rwkv.Squeeze(int64(c.Heads()), int64(c.HeadSize)) // r_k
	for _, name := range []string{"receptance", "key", "value", "output"} {
		t.Add(to+"time_mix_"+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+name+".weight")
	}
	if !c.BareHeads {
		t.Norm(to+"time_mix_ln", channels, att+"ln_x")
	}
}

// lowRank adds the bias 0 and the matrices 1 and 2 of x → bias + f(x·w1)·w2.
func lowRank(t *rwkv.Table, name string, channels, rank int64, class rwkv.Class, from string) {
	t.Vector(name+"0.weight", channels, from+"0")
	t.Transposed(name+"1.weight", class, channels, rank, from+"1")
	t.Transposed(name+"2.weight", class, rank, channels, from+"2")
}

func prefixed(prefix string, names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}
