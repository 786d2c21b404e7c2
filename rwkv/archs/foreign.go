package archs

import (
	"regexp"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// kin are relatives of RWKV that this program does not run, by the names that their files have or would have.
var kin = []struct {
	name *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`^rwkv-?v?7a`), "RWKV-7a (DeepEmbed), which this program does not run; "},
	{regexp.MustCompile(`^rwkv-?v?7b`), "RWKV-7b (DeepEmbedAttention), which this program does not run; "},
	{regexp.MustCompile(`^rwkv-?v?8`), "RWKV-8, whose mathematics is not settled; "},
	{regexp.MustCompile(`^a?rwkv`), "a variant of RWKV that this program does not know; "},
}

// families are models of other kinds, by a key or tensor that only they have.
var families = []struct {
	key, tensor string
	what        string
}{
	{key: "ssm.state_size", what: "a state space model such as Mamba; "},
	{key: "ssm.conv_kernel", what: "a state space model such as Mamba; "},
	{tensor: "blk.0.ssm_in.weight", what: "a state space model such as Mamba; "},
	{tensor: "blk.0.attn_q.weight", what: "a transformer; "},
	{tensor: "blk.0.attn_qkv.weight", what: "a transformer; "},
	{tensor: "blk.0.attn_q_a.weight", what: "a transformer; "},
	{key: "rope.freq_base", what: "a transformer; "},
	{key: "attention.head_count", what: "a transformer; "},
}

// foreign returns what a file of an unknown architecture seems to be, or "".
func foreign(f *gguf.File, name string) string {
	if kind, ok := f.String("general.type"); ok && kind != "model" {
		return "a file of the kind " + excerpt.Cut(kind, 80) + ", not a model; "
	}
	const longest = 1 << 10 // longer than any name
	if len(name) > longest {
		return ""
	}
	for _, k := range kin {
		if k.name.MatchString(name) {
			return k.what
		}
	}
	for _, m := range families {
		_, key := f.Value(name + "." + m.key)
		_, tensor := f.Tensor(m.tensor)
		if key || tensor {
			return m.what
		}
	}
	return ""
}
