package v4

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

// tensors is the table of version 4: every tensor of a GGUF file in order, with the checkpoint's tensors it is made from.
func tensors(c rwkv.Config) []rwkv.TensorSpec {
	var t rwkv.Table
	channels, ffn, vocab := int64(c.Embed), int64(c.FFN), int64(c.Vocab)
	t.Add("token_embd.weight", rwkv.Embedding, []int64{channels, vocab}, "emb.weight")
	t.Norm("token_embd_norm", channels, "blocks.0.ln0")
	for i := range c.Layers {
		to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("blocks.%d.", i)
		att, ffnFrom := from+"att.", from+"ffn."
		t.Norm(to+"attn_norm", channels, from+"ln1")
		t.Norm(to+"attn_norm_2", channels, from+"ln2")
		for _, x := range []string{"k", "v", "r"} {
			t.Vector(to+"time_mix_lerp_"+x+".weight", channels, att+"time_mix_"+x).Prepare = op.OneMinus
		}
		t.Vector(to+"time_mix_first.weight", channels, att+"time_first")
		t.Vector(to+"time_mix_decay.weight", channels, att+"time_decay").Prepare = op.NegExp
		for _, name := range []string{"receptance", "key", "value", "output"} {
			t.Add(to+"time_mix_"+name+".weight", rwkv.Matrix, []int64{channels, channels}, att+name+".weight")
		}
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
