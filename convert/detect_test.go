package convert_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
)

// refused converts a version 7 one of whose tensors has another name, and wants the error to tell what it seems to be.
func refused(t *testing.T, from, to, want string) {
	t.Helper()
	path := altered(t, func(name string) (string, bool) {
		if name == from {
			name = to
		}
		return name, true
	}, nil)
	_, err := convert.Run(context.Background(), path, filepath.Join(t.TempDir(), "out.gguf"), options(t, "F16"))
	require.ErrorContains(t, err, want)
}

func TestWhatIsNeverConvertedIsNamed(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"ChatRWKV's strategy":   {"blocks.1.att.x_r", "blocks.1.ffn.key.weight_mx", `a model already converted for ChatRWKV's strategy: convert the original .pth (it has "blocks.1.ffn.key.weight_mx")`},
		"RWKV-6, in part":       {"blocks.0.att.r_k", "blocks.1.att.time_maa_rkvw_w1", "x060a, b or c"},
		"RWKV-7a":               {"blocks.0.att.x_r", "blocks.0.ffn.s_emb.weight", "RWKV-7a"},
		"RWKV-7b":               {"blocks.0.att.x_r", "blocks.0.qkv.qq.weight", "RWKV-7b"},
		"RWKV-8, by its table":  {"blocks.0.att.x_r", "blocks.0.ffn.enn.weight", "experimental RWKV-8"},
		"RWKV-8, by its key":    {"blocks.1.att.x_r", "blocks.1.qkv.kkup.weight", "experimental RWKV-8"},
		"RWKV-8, by its memory": {"blocks.0.att.x_r", "blocks.0.qkv.emm.weight", "experimental RWKV-8"},
		"x060, its mixing":      {"blocks.0.att.x_r", "blocks.0.att.time_maa_rkvw_w2", "x060a, b or c"},
		"x060, its gate":        {"blocks.0.att.x_r", "blocks.0.att.gate_w1", "x060a, b or c"},
		"x060, its gate's out":  {"blocks.0.att.x_r", "blocks.0.att.gate_w2", "x060a, b or c"},
		"x060, without a gate":  {"blocks.0.att.r_k", "blocks.0.att.time_maa_x", `x060a, b or c), which this program does not run: it has no "blocks.0.att.gate.weight"`},
		"factors beside":        {"blocks.0.att.x_r", "blocks.0.att.key.lora_A", `a model with LoRA factors that are not merged yet (it has "blocks.0.att.key.lora_A")`},
		"web-rwkv's factors":    {"blocks.0.att.x_r", "blocks.0.att.key.lora.1", "a model with LoRA factors that are not merged yet"},
		"QRWKV-6":               {"blocks.0.att.x_r", "model.layers.0.self_attn.time_maa_x", "QRWKV-6 (RWKV6Qwen2): make a GGUF file of it with llama.cpp's convert_hf_to_gguf.py"},
		"ARWKV-7":               {"blocks.0.att.x_r", "model.layers.0.self_attn.time_mixer.r_k", "ARWKV-7: make a GGUF file of it with llama.cpp's convert_hf_to_gguf.py"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.from, tc.to, tc.want) })
	}
}

func TestResearchOptionsAreNamed(t *testing.T) {
	for _, name := range []string{
		"blocks.0.pos_emb_x", "blocks.0.pos_emb_y", "blocks.1.att.time_mix_qq", "blocks.1.att.time_mix_kk", "blocks.0.att.time_mix_vv",
		"blocks.1.tiny_q.weight", "blocks.1.tiny_ln.bias", "head_q.weight", "head_k.weight", "copy_mask",
		"blocks.0.ffnPre.key.weight", "blocks.1.ffn.aa.weight", "blocks.1.ffn.bb.weight",
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, "blocks.1.att.x_r", name, fmt.Sprintf("research options that this program does not run (it has %q)", name))
		})
	}
}
