package v7

import (
	"fmt"
	"slices"

	"gosling/rwkv"
)

// lerps is the order in which GGUF stacks the six token-shift vectors.
var lerps = []string{"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"}

// Tensors is the table of version 7: every tensor of a GGUF file, in its order, and the checkpoint's tensors it is made of.
func Tensors(c rwkv.Config) []rwkv.TensorSpec {
	t := table{}
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	t.add("token_embd.weight", rwkv.Embedding, []int64{channels, vocab}, "emb.weight")
	t.norm("token_embd_norm", channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.", i)
		att := from + "att."
		t.norm(to+"attn_norm", channels, from+"ln1")
		t.norm(to+"attn_norm_2", channels, from+"ln2")
		t.lerp(to+"time_mix_lerp_fused.weight", channels, att)
		t.lowRank(to+"time_mix_w", channels, int64(c.DecayRank), rwkv.Decay, att+"w")
		t.lowRank(to+"time_mix_a", channels, int64(c.RateRank), rwkv.LowRank, att+"a")
		if i > 0 {
			t.lowRank(to+"time_mix_v", channels, int64(c.ValueRank), rwkv.LowRank, att+"v")
		} else {
			// Layer 0 has no value residual. llama.cpp demands the tensors all the same, in the shape of a's, so files carry
			// copies of those.
			first := len(t.specs)
			t.lowRank(to+"time_mix_v", channels, int64(c.RateRank), rwkv.LowRank, att+"a")
			for j := range t.specs[first:] {
				t.specs[first+j].Optional = true
			}
		}
		t.transposed(to+"time_mix_g1.weight", rwkv.LowRank, channels, int64(c.GateRank), att+"g1")
		t.transposed(to+"time_mix_g2.weight", rwkv.LowRank, int64(c.GateRank), channels, att+"g2")
		for _, name := range []string{"k_k", "k_a", "r_k"} {
			t.add(to+"time_mix_"+name+".weight", rwkv.Vector, []int64{channels}, att+name)
		}
		t.specs[len(t.specs)-1].FromShape = squeeze(int64(c.Heads()), int64(c.HeadSize)) // r_k
		for _, name := range []string{"receptance", "key", "value", "output"} {
			t.add(to+"time_mix_"+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+name+".weight")
		}
		t.norm(to+"time_mix_ln", channels, att+"ln_x")
		t.add(to+"channel_mix_lerp_k.weight", rwkv.Vector, []int64{channels}, from+"ffn.x_k")
		t.add(to+"channel_mix_key.weight", rwkv.Matrix, []int64{channels, ffn}, from+"ffn.key.weight")
		t.add(to+"channel_mix_value.weight", rwkv.Matrix, []int64{ffn, channels}, from+"ffn.value.weight")
	}
	t.norm("output_norm", channels, "ln_out")
	t.add("output.weight", rwkv.Head, []int64{channels, vocab}, "head.weight")
	return t.specs
}

type table struct{ specs []rwkv.TensorSpec }

// add is a tensor whose elements are copied in order: a matrix [out, in] of PyTorch has the bytes of one of {in, out}.
func (t *table) add(name string, class rwkv.Class, shape []int64, from string) {
	reversed := slices.Clone(shape)
	slices.Reverse(reversed)
	t.specs = append(t.specs, rwkv.TensorSpec{Name: name, Class: class, Shape: shape, From: []string{from}, FromShape: squeeze(reversed...)})
}

// squeeze leaves out dimensions of 1.
func squeeze(shape ...int64) []int64 {
	return slices.DeleteFunc(shape, func(n int64) bool { return n == 1 })
}

func (t *table) norm(name string, channels int64, from string) {
	t.add(name+".weight", rwkv.Vector, []int64{channels}, from+".weight")
	t.add(name+".bias", rwkv.Vector, []int64{channels}, from+".bias")
}

// lowRank is the bias 0 and the matrices 1 and 2 of x → bias + f(x·w1)·w2.
func (t *table) lowRank(name string, channels, rank int64, class rwkv.Class, from string) {
	t.add(name+"0.weight", rwkv.Vector, []int64{channels}, from+"0")
	t.transposed(name+"1.weight", class, channels, rank, from+"1")
	t.transposed(name+"2.weight", class, rank, channels, from+"2")
}

// transposed is a matrix that the checkpoint keeps as [in, out], the other way round than its others.
func (t *table) transposed(name string, class rwkv.Class, in, out int64, from string) {
	t.specs = append(t.specs, rwkv.TensorSpec{
		Name: name, Class: class, Shape: []int64{in, out}, From: []string{from}, FromShape: squeeze(in, out),
		Make: func(dst []float32, src [][]float32) {
			for o := range out {
				for i := range in {
					dst[o*in+i] = src[0][i*out+o]
				}
			}
		},
	})
}

// lerp stacks the six token-shift vectors.
func (t *table) lerp(name string, channels int64, att string) {
	var from []string
	for _, x := range lerps {
		from = append(from, att+x)
	}
	t.specs = append(t.specs, rwkv.TensorSpec{
		Name: name, Class: rwkv.Vector, Shape: []int64{channels, 1, 1, int64(len(lerps))}, From: from, FromShape: squeeze(channels),
		Make: func(dst []float32, src [][]float32) {
			for i, x := range src {
				copy(dst[int64(i)*channels:], x)
			}
		},
	})
}
