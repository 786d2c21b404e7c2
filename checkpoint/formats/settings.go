package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Config is the size limit of a config.json or an adapter_config.json. It is many times as large as any real one.
var Config = infile.Limit{Bytes: 1 << 20, What: "a configuration"}

// config is what a model's config.json says, as transformers and flash-linear-attention write it.
type config checkpoint.Settings

// ofFolder are the names of the files of a model in Hugging Face's layout, whole or in parts.
var ofFolder = regexp.MustCompile(`^(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)(\.index\.json)?$`)

// settingsOf reads the config.json of a model in Hugging Face's layout, if path is such a model's folder or one of its files.
// It is nil where there is none.
func settingsOf(path string) (*checkpoint.Settings, error) {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		if !ofFolder.MatchString(filepath.Base(path)) {
			return nil, nil
		}
		folder = filepath.Dir(path)
	}
	var c config
	if found, err := readConfig(filepath.Join(folder, "config.json"), &c); err != nil || !found {
		return nil, err
	}
	s := checkpoint.Settings(c)
	return &s, nil
}

// UnmarshalJSON reads a config.json, whose keys must all be known.
func (c *config) UnmarshalJSON(data []byte) error { return configKeys.Parse(data, c) }

var configKeys = checkpoint.Keys[config]{
	Read: settings, Harmless: harmless,
	Unknown: "this program does not know what it changes in the model: if nothing, remove it from the file",
}

// settings are the keys of config.json whose value counts.
var settings = map[string]func(c *config, value any) error{
	"hidden_size":         func(c *config, value any) error { return checkpoint.ReadInt(value, &c.Embed) },
	"num_hidden_layers":   func(c *config, value any) error { return checkpoint.ReadInt(value, &c.Layers) },
	"vocab_size":          func(c *config, value any) error { return checkpoint.ReadInt(value, &c.Vocab) },
	"head_size":           func(c *config, value any) error { return checkpoint.ReadInt(value, &c.HeadSize) }, // transformers
	"head_dim":            func(c *config, value any) error { return checkpoint.ReadInt(value, &c.HeadSize) }, // flash-linear-attention
	"head_size_divisor":   func(c *config, value any) error { return checkpoint.ReadNumber(value, &c.HeadDivisor) },
	"layer_norm_epsilon":  func(c *config, value any) error { return checkpoint.ReadNumber(value, &c.NormEps) }, // transformers
	"norm_eps":            func(c *config, value any) error { return checkpoint.ReadNumber(value, &c.NormEps) }, // flash-linear-attention
	"tie_word_embeddings": func(c *config, value any) error { return checkpoint.ReadBool(value, &c.Tied) },
	"hidden_act":          only("sqrelu"),
	"gate_fn":             only("swish", "silu"),
	"norm_first":          only(true),
	"norm_bias":           only(true),
	"elementwise_affine":  only(true),
}

// harmless are the keys of config.json that change nothing about the logits: dimensions that tensors tell, how they are computed
// and trained, tokens, settings of sampling, and what transformers notes of every model.
var harmless = strings.Fields(`
	a_low_rank_dim attention_hidden_size conv_size decay_low_rank_dim expand_k expand_v gate_low_rank_dim hidden_ratio intermediate_size
	num_attention_heads num_heads proj_low_rank_dim share_conv_kernel v_low_rank_dim value_dim

	attn_implementation _attn_implementation attn_mode fuse_cross_entropy fuse_linear_cross_entropy fuse_norm gradient_checkpointing
	initializer_range rescale_every use_cache use_l2warp

	context_length max_position_embeddings max_sequence_length model_max_length
	begin_suppress_tokens bos_token_id decoder_start_token_id eos_token_id forced_bos_token_id forced_eos_token_id mask_token_id
	pad_token_id sep_token_id suppress_tokens unk_token_id

	bad_words_ids diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size exponential_decay_length_penalty length_penalty
	max_length max_new_tokens min_length no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_scores
	remove_invalid_values repetition_penalty return_dict_in_generate temperature top_k top_p typical_p

	_commit_hash _name_or_path architectures auto_map chunk_size_feed_forward dtype finetuning_task id2label is_decoder label2id
	model_type model_version name_or_path output_attentions output_hidden_states prefix problem_type return_dict
	task_specific_params tokenizer_class torch_dtype torchscript transformers_version use_bfloat16`)

// only takes the values that the mathematics here is of; null is the default, the first of them.
func only(values ...any) func(*config, any) error {
	return func(_ *config, value any) error {
		if value == nil || slices.Contains(values, value) {
			return nil
		}
		return fmt.Errorf("only %v can be converted", values[0])
	}
}

// readConfig reads a configuration in JSON, and reports whether there is one.
func readConfig(path string, to any) (bool, error) {
	data, err := Config.File(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, to); err != nil {
		if what := filekind.Recognize(data, "configuration"); what != "" {
			return false, fmt.Errorf("%s: %s", path, what)
		}
		return false, fmt.Errorf("%s: %w", path, excerpt.Error(err))
	}
	return true, nil
}
