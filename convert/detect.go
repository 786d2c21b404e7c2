package convert

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// refused are checkpoints that are never converted, each known by names that only it has: the phrase says what the file is. Names
// are patterns of path.Match.
var refused = []struct {
	names []string
	what  string
}{
	{[]string{"*_mx", "_strategy", "_version"}, "a model already converted for ChatRWKV's strategy: convert the original .pth"},
	{[]string{"*.disha", "*.bone"}, "a DiSHA (bone) adapter, not a whole model: merge it with the program that made it, and convert the result"},
	{[]string{"blocks.*.ffn.enn.weight", "blocks.*.qkv.kkup.weight", "blocks.*.qkv.emm.weight"}, "an experimental RWKV-8 checkpoint, whose mathematics is not settled"},
	{[]string{"blocks.*.qkv.qq.weight"}, "an RWKV-7b checkpoint (DeepEmbedAttention), which this program does not run"},
	{[]string{"blocks.*.ffn.s_emb.weight"}, "an RWKV-7a checkpoint (DeepEmbed), which this program does not run"},
	{[]string{"blocks.*.att.time_maa_rkvw_*", "blocks.*.att.gate_w1", "blocks.*.att.gate_w2"}, "an RWKV-6 research variant (x060a, b or c), which this program does not run"},
	{[]string{
		"*pos_emb_x", "*pos_emb_y", "blocks.*.att.time_mix_qq", "blocks.*.att.time_mix_kk", "blocks.*.att.time_mix_vv", "blocks.*.tiny_*",
		"head_q.*", "head_k.*", "copy_mask", "blocks.*.ffnPre.*", "blocks.*.ffn.aa.*", "blocks.*.ffn.bb.*",
	}, "a model trained with research options that this program does not run"},
	{[]string{"model.layers.*.self_attn.time_maa_*"}, "QRWKV-6 (RWKV6Qwen2): make a GGUF file of it with llama.cpp's convert_hf_to_gguf.py, which this program runs"},
	{[]string{"model.layers.*.self_attn.*r_k"}, "ARWKV-7: make a GGUF file of it with llama.cpp's convert_hf_to_gguf.py, which this program runs"},
}

// halves are the names of an adapter's factors, the second as web-rwkv has them.
var halves = regexp.MustCompile(`lora_[AB]|\.lora\.[01]$`)

// PartError is the error of a checkpoint that holds changes to a model, and not a model of its own. Options.State and Options.Adapters
// merge them into the model.
type PartError struct {
	State  bool   // the changes are a tuned state. Otherwise they are an adapter
	reason string // what the file is, and what to do
}

func (e *PartError) Error() string { return e.reason }

// refuse returns an error that says what a checkpoint is, if it cannot become a model: a *PartError for a tuned state or an adapter,
// or another error for a kind of RWKV that is never run. It returns nil for other checkpoints.
func refuse(file *checkpoint.File) error {
	names := slices.Clone(file.Others)
	for _, t := range file.Tensors {
		names = append(names, t.Name)
	}
	first := func(pattern string) string {
		i := slices.IndexFunc(names, func(name string) bool { ok, _ := path.Match(pattern, name); return ok })
		if i < 0 {
			return ""
		}
		return names[i]
	}
	for _, r := range refused {
		for _, pattern := range r.names {
			if name := first(pattern); name != "" {
				return fmt.Errorf("it seems to be %s (it has %s)", r.what, excerpt.Of(name))
			}
		}
	}
	if first("blocks.*.att.time_maa_x") != "" && first("blocks.*.att.gate.weight") == "" {
		return errors.New("it seems to be an RWKV-6 research variant (x060a, b or c), which this program does not run: it has no \"blocks.0.att.gate.weight\"")
	}
	if onlyEnding(file, tunedSuffix) {
		return &PartError{State: true, reason: "it is a tuned state, no model: start the model that it was tuned for with it, or merge it into that model"}
	}
	factor := slices.IndexFunc(file.Tensors, func(t checkpoint.Tensor) bool { return halves.MatchString(t.Name) })
	switch {
	case factor >= 0 && first("emb.weight") != "":
		return &PartError{reason: fmt.Sprintf("it is a model with LoRA factors that are not merged yet (it has %q): merge them with the program that trained it, "+
			"or save the factors to a file of their own and merge that", file.Tensors[factor].Name)}
	case factor >= 0:
		return &PartError{reason: "it is a LoRA adapter (lora_A, lora_B), not a whole model: merge it into its model"}
	}
	return nil
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
