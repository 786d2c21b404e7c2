package adapter

import (
	"errors"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// Config is what PEFT's adapter_config.json says about the merge.
type Config struct {
	Alpha    float64 // the scale that the adapter was trained with; 0 if it is not given
	RankRoot bool    // the product is divided by the square root of the rank instead of the rank
	Rank     int     // the rank of all pairs; 0 if it is not given, or if pairs have different ranks
}

// UnmarshalJSON reads an adapter_config.json. An unknown key is an error, because it may change how PEFT merges the adapter.
func (c *Config) UnmarshalJSON(data []byte) error {
	var k known
	if err := configKeys.Parse(data, &k); err != nil {
		return err
	}
	*c = k.Config
	if k.ranks {
		c.Rank = 0
	}
	return nil
}

// known is what configKeys read.
type known struct {
	Config
	ranks bool // pairs have ranks of their own
}

var configKeys = checkpoint.Keys[known]{
	Read: map[string]func(*known, any) error{
		"peft_type":         readType,
		"lora_alpha":        func(k *known, value any) error { return checkpoint.ReadNumber(value, &k.Alpha) },
		"r":                 func(k *known, value any) error { return checkpoint.ReadInt(value, &k.Rank) },
		"use_rslora":        func(k *known, value any) error { return checkpoint.ReadBool(value, &k.RankRoot) },
		"init_lora_weights": readBegun,
		"rank_pattern": func(k *known, value any) error {
			pattern, _ := value.(map[string]any)
			k.ranks = len(pattern) > 0
			return nil
		},
	},
	// Which modules were trained, their ranks and their biases are told by the tensors.
	Harmless: []string{
		"auto_mapping", "base_model_name_or_path", "bias", "eva_config", "exclude_modules", "inference_mode", "layers_pattern",
		"layers_to_transform", "lora_dropout", "megatron_core", "merge_weights", "modules_to_save", "peft_version",
		"qalora_group_size", "revision", "runtime_config", "target_modules", "task_type",
	},
	Unknown: "such an adapter cannot be merged here: merge it with PEFT first",
}

func readType(_ *known, value any) error {
	if kind, _ := value.(string); value != nil && !strings.EqualFold(kind, "LORA") {
		return errors.New("only LoRA can be merged here: merge it with PEFT first")
	}
	return nil
}

// begun are the ways to begin an adapter, beside true and false, that leave the model's weights as they are.
var begun = []string{"gaussian", "eva", "mica", "orthogonal"}

func readBegun(_ *known, value any) error {
	way, isWord := value.(string)
	_, isBool := value.(bool)
	if value == nil || isBool || isWord && slices.Contains(begun, strings.ToLower(way)) {
		return nil
	}
	return errors.New("only adapters that began as true, false, " + strings.Join(begun, ", ") +
		" are known to leave the model's weights as they were: have PEFT save it as LoRA (path_initial_model_for_weight_conversion)")
}
