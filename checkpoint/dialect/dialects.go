package dialect

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// dialects are asked in this order.
var dialects = append([]dialect{
	{
		name:  Transformers,
		knows: func(f names) answer { return whether(f.has("rwkv.embeddings.weight")) },
		rules: []rule{
			to(`rwkv\.embeddings\.weight`, "emb.weight"),
			to(`rwkv\.ln_out\.(weight|bias)`, "ln_out.$1"),
			to(`rwkv\.blocks\.(\d+)\.pre_ln\.(weight|bias)`, "blocks.$1.ln0.$2"),
			to(`rwkv\.(blocks\.\d+\..*)`, "$1"),
		},
	},
	{
		name: FLA,
		knows: func(f names) answer {
			return whether(f.has("model.embeddings.weight") && f.has("model.layers.0.attn.r_k"))
		},
		rules: append(flaCommon(),
			made(`model\.layers\.(\d+)\.attn\.x_x`, "blocks.$1.att.", stacked("x_", "", "r", "w", "k", "v", "a", "g")),
			to(`model\.layers\.(\d+)\.attn\.(x_[rwkvag]|k_k|k_a|r_k)`, "blocks.$1.att.$2"),
			to(`model\.layers\.(\d+)\.attn\.([wav])_lora\.lora\.2\.bias`, "blocks.$1.att.${2}0"),
			transposed(`model\.layers\.(\d+)\.attn\.([wavg])_lora\.lora\.0\.weight`, "blocks.$1.att.${2}1"),
			transposed(`model\.layers\.(\d+)\.attn\.([wavg])_lora\.lora\.2\.weight`, "blocks.$1.att.${2}2"),
			to(`model\.layers\.(\d+)\.ffn\.(x_k|key\.weight|value\.weight)`, "blocks.$1.ffn.$2"),
		),
	},
	{
		name: FLA,
		knows: func(f names) answer {
			return whether(f.has("model.embeddings.weight") && f.has("model.layers.0.attn.x_bias"))
		},
		rules: append(flaCommon(),
			to(`model\.layers\.(\d+)\.attn\.x_proj\.0\.mu`, "blocks.$1.att.time_maa_x"),
			made(`model\.layers\.(\d+)\.attn\.x_proj\.0\.linear\.weight`, "blocks.$1.att.time_maa_w1", mixIn),
			made(`model\.layers\.(\d+)\.attn\.x_proj\.2\.weight`, "blocks.$1.att.time_maa_w2", mixOut),
			made(`model\.layers\.(\d+)\.attn\.x_bias`, "blocks.$1.att.", stacked("time_maa_", "", flaMix...)),
			to(`model\.layers\.(\d+)\.attn\.([rkvg])_proj\.linear\.weight`, "blocks.$1.att.${2}_proj"),
			transposed(`model\.layers\.(\d+)\.attn\.w_proj\.linear\.lora\.0\.weight`, "blocks.$1.att.time_decay_w1"),
			transposed(`model\.layers\.(\d+)\.attn\.w_proj\.linear\.lora\.2\.weight`, "blocks.$1.att.time_decay_w2"),
			to(`model\.layers\.(\d+)\.attn\.w_proj\.linear\.lora\.2\.bias`, "blocks.$1.att.time_decay"),
			to(`model\.layers\.(\d+)\.attn\.bonus`, "blocks.$1.att.time_faaaa"),
			to(`model\.layers\.(\d+)\.ffn\.key\.mu`, "blocks.$1.ffn.time_maa_k"),
			to(`model\.layers\.(\d+)\.ffn\.receptance\.mu`, "blocks.$1.ffn.time_maa_r"),
			to(`model\.layers\.(\d+)\.ffn\.(key|receptance)\.linear\.weight`, "blocks.$1.ffn.$2.weight"),
			to(`model\.layers\.(\d+)\.ffn\.value\.weight`, "blocks.$1.ffn.value.weight"),
		),
	},
}, webRWKV...)

// flaCommon is what flash-linear-attention calls the same in both versions.
func flaCommon() []rule {
	return []rule{
		to(`model\.embeddings\.weight`, "emb.weight"),
		to(`model\.norm\.(weight|bias)`, "ln_out.$1"),
		to(`lm_head\.weight`, "head.weight"),
		to(`model\.layers\.(\d+)\.pre_norm\.(weight|bias)`, "blocks.$1.ln0.$2"),
		to(`model\.layers\.(\d+)\.attn_norm\.(weight|bias)`, "blocks.$1.ln1.$2"),
		to(`model\.layers\.(\d+)\.ffn_norm\.(weight|bias)`, "blocks.$1.ln2.$2"),
		to(`model\.layers\.(\d+)\.attn\.([rkvo])_proj\.weight`, "blocks.$1.att.${2}_proj"),
		to(`model\.layers\.(\d+)\.attn\.g_norm\.(weight|bias)`, "blocks.$1.att.ln_x.$2"),
	}
}

// words are endings of names in short form and what .pth files call them, which the pattern of a rule cannot look up.
var words = map[string]string{
	"att.r_proj": "att.receptance.weight", "att.k_proj": "att.key.weight", "att.v_proj": "att.value.weight",
	"att.g_proj": "att.gate.weight", "att.o_proj": "att.output.weight",
	"time_mix_key": "time_mix_k", "time_mix_value": "time_mix_v", "time_mix_receptance": "time_mix_r", "time_mix_gate": "time_mix_g",
}

// spell replaces the short form at the end of a name, and the long names that transformers gives to the two halves of a layer.
func spell(name string) string {
	name = strings.Replace(name, ".attention.", ".att.", 1)
	name = strings.Replace(name, ".feed_forward.", ".ffn.", 1)
	for short, long := range words {
		if start, ok := strings.CutSuffix(name, "."+short); ok {
			return start + "." + long
		}
	}
	return name
}

// stacked parts a tensor [n, channels] into n vectors, named by the given letters.
func stacked(prefix, suffix string, letters ...string) func(checkpoint.Tensor) ([]checkpoint.Tensor, error) {
	return func(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
		n := int64(len(letters))
		if t.Elements()%n != 0 || len(t.Shape) == 0 || t.Shape[0] != n {
			return nil, fmt.Errorf("has shape %v, want [%d, channels]", t.Shape, n)
		}
		channels := t.Elements() / n
		var parts []checkpoint.Tensor
		for i, letter := range letters {
			parts = append(parts, t.Part(t.Name+prefix+letter+suffix, int64(i)*channels, channels))
		}
		return parts, nil
	}
}

// flaMix is the order of the five token shifts in flash-linear-attention, pthMix that of .pth files.
var flaMix, pthMix = []string{"r", "w", "k", "v", "g"}, []string{"w", "k", "v", "r", "g"}

// mixIn makes time_maa_w1 [channels, 5·rank] of [5·rank, channels], the shifts in the other order.
func mixIn(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
	if len(t.Shape) != 2 || t.Shape[0]%5 != 0 {
		return nil, fmt.Errorf("has shape %v, want [5 ranks, channels]", t.Shape)
	}
	size, part := t.DType.Size(), t.Elements()/5
	from := t
	t.Data = checkpoint.Made(t.Elements()*size, func() ([]byte, error) {
		data := make([]byte, from.Elements()*size)
		for i, letter := range pthMix {
			at := int64(strings.Index(strings.Join(flaMix, ""), letter))
			if err := from.ReadBytes(data[int64(i)*part*size:][:part*size], at*part*size); err != nil {
				return nil, err
			}
		}
		return data, nil
	})
	t, err := t.Transposed()
	return []checkpoint.Tensor{t}, err
}

// mixOut makes time_maa_w2 [5, rank, channels] of [channels, 5·rank], the shifts in the other order.
func mixOut(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
	if len(t.Shape) != 2 || t.Shape[1]%5 != 0 {
		return nil, fmt.Errorf("has shape %v, want [channels, 5 ranks]", t.Shape)
	}
	t, err := t.Transposed() // [5·rank, channels]
	if err != nil {
		return nil, err
	}
	size, part := t.DType.Size(), t.Elements()/5
	from := t
	t.Shape = []int64{5, from.Shape[0] / 5, from.Shape[1]}
	t.Data = checkpoint.Made(t.Elements()*size, func() ([]byte, error) {
		all := make([]byte, from.Elements()*size)
		if err := from.ReadBytes(all, 0); err != nil {
			return nil, err
		}
		data := make([]byte, 0, len(all))
		for _, letter := range pthMix {
			at := int64(strings.Index(strings.Join(flaMix, ""), letter))
			data = append(data, all[at*part*size:][:part*size]...)
		}
		return data, nil
	})
	return []checkpoint.Tensor{t}, nil
}
