package convert

import (
	"fmt"
	"slices"
	"strings"

	"gosling/checkpoint"
	"gosling/rwkv"
)

// refused are checkpoints that are never converted, each known by names that only it has: the phrase says what the file is.
// A name that starts with "*" is an ending.
var refused = []struct {
	names []string
	what  string
}{
	{[]string{"*_mx", "_strategy", "_version"}, "a model already converted for ChatRWKV's strategy: convert the original .pth"},
	{[]string{"blocks.0.ffn.enn.weight", "blocks.0.qkv.kkup.weight", "blocks.0.qkv.emm.weight"}, "an experimental RWKV-8 checkpoint, whose mathematics is not settled"},
	{[]string{"blocks.0.qkv.qq.weight"}, "an RWKV-7b checkpoint (DeepEmbedAttention), which this program does not run"},
	{[]string{"blocks.0.ffn.s_emb.weight"}, "an RWKV-7a checkpoint (DeepEmbed), which this program does not run"},
	{[]string{"blocks.0.att.time_maa_rkvw_w1", "blocks.0.att.gate_w1", "blocks.0.att.gate_w2"}, "an RWKV-6 research variant (x060a, b or c), which this program does not run"},
	{[]string{"pos_emb_x", "blocks.0.att.time_mix_qq", "tiny_ln.weight", "head_q.weight", "head_k.weight", "copy_mask", "blocks.0.ffnPre.key.weight", "blocks.0.ffn.aa.weight"},
		"a model trained with research options that this program does not run"},
}

// refuse says what the checkpoint is if it looks like a model but is one of those that are never run; else it is empty.
func refuse(file *checkpoint.File, shapes rwkv.Shapes) string {
	has := func(name string) bool {
		if ending, ok := strings.CutPrefix(name, "*"); ok {
			return slices.ContainsFunc(file.Tensors, func(t checkpoint.Tensor) bool { return strings.HasSuffix(t.Name, ending) })
		}
		_, ok := shapes(name)
		return ok || slices.Contains(file.Others, name)
	}
	for _, r := range refused {
		for _, name := range r.names {
			if has(name) {
				return fmt.Sprintf("it seems to be %s (it has %q)", r.what, strings.TrimPrefix(name, "*"))
			}
		}
	}
	if onlyEnding(file, tunedSuffix) {
		return "it is a tuned state, no model: start the model that it was tuned for with --state, or put it into one with convert --merge-state"
	}
	if slices.ContainsFunc(file.Tensors, func(t checkpoint.Tensor) bool {
		return strings.Contains(t.Name, "lora_A") || strings.Contains(t.Name, "lora_B")
	}) {
		return "it is a LoRA adapter (lora_A, lora_B), no whole model: merge it into its model with convert --lora"
	}
	return ""
}

// guess says what a checkpoint that no architecture knows seems to be.
func guess(file *checkpoint.File, shapes rwkv.Shapes) string {
	has := func(name string) bool {
		_, ok := shapes(name)
		return ok
	}
	if len(file.Tensors) == 0 {
		return "it holds no tensors"
	}
	if has("emb.weight") || has("blocks.0.ln1.weight") {
		return "it seems to be part of an RWKV model: the tensors that tell its version (such as \"blocks.0.att.r_k\" or \"blocks.0.att.time_decay\") are missing; download it again"
	}
	for _, t := range file.Tensors {
		if strings.Contains(t.Name, "self_attn") || strings.Contains(t.Name, ".attn.") || strings.Contains(t.Name, "attention.query") {
			return fmt.Sprintf("it seems to be a transformer (it has %q): this program converts RWKV models", t.Name)
		}
	}
	return fmt.Sprintf("it holds no RWKV model: %d tensors, the first %q", len(file.Tensors), file.Tensors[0].Name)
}

func onlyEnding(file *checkpoint.File, ending string) bool {
	return len(file.Tensors) > 0 && !slices.ContainsFunc(file.Tensors, func(t checkpoint.Tensor) bool { return !strings.HasSuffix(t.Name, ending) })
}
