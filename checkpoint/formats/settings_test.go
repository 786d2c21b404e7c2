package formats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/writers"
)

func TestAFoldersConfigurationIsRead(t *testing.T) {
	for name, tc := range map[string]struct {
		json string
		want checkpoint.Settings
	}{
		"of transformers": {`{"hidden_size": 2048, "num_hidden_layers": 24, "vocab_size": 65536, "head_size": 64, "head_size_divisor": 8, "layer_norm_epsilon": 1e-5,
			"architectures": ["Rwkv6ForCausalLM"], "model_type": "rwkv6", "rescale_every": 6, "use_cache": true, "tie_word_embeddings": false, "attention_hidden_size": 2048,
			"auto_map": {"AutoConfig": "configuration_rwkv6.Rwkv6Config"}, "bos_token_id": 0, "intermediate_size": null, "num_attention_heads": 64, "transformers_version": "4.34.0"}`,
			checkpoint.Settings{Embed: 2048, Layers: 24, Vocab: 65536, HeadSize: 64, NormEps: 1e-5, HeadDivisor: 8}},
		"of flash-linear-attention": {`{"hidden_size": 768, "head_dim": 32, "norm_eps": 1e-6, "intermediate_size": null, "hidden_act": "sqrelu", "norm_first": true, "norm_bias": true,
			"attn": null, "attn_mode": "chunk", "fuse_norm": false, "a_low_rank_dim": 64, "value_dim": [768, 768], "tie_word_embeddings": true, "use_l2warp": true,
			"initializer_range": 0.02, "torch_dtype": "bfloat16", "num_heads": null, "some_new_thing": false, "another": []}`,
			checkpoint.Settings{Embed: 768, HeadSize: 32, NormEps: 1e-6, Tied: true}},
		"that leaves all open": {`{"hidden_size": null, "norm_eps": null, "hidden_act": null, "tie_word_embeddings": null}`, checkpoint.Settings{}},
		"that says nothing":    {`{}`, checkpoint.Settings{}},
	} {
		t.Run(name, func(t *testing.T) {
			path := ones(t, filepath.Join(t.TempDir(), "pytorch_model.bin"), map[string][]int64{"emb.weight": {2, 3}})
			config := filepath.Join(filepath.Dir(path), "config.json")
			require.NoError(t, os.WriteFile(config, []byte(tc.json), 0o600))
			for _, in := range []string{path, filepath.Dir(path)} {
				f, err := formats.Open(in)
				require.NoError(t, err)
				require.NotNil(t, f.Settings)
				assert.Equal(t, tc.want, *f.Settings)
				_, head := f.Tensor("head.weight")
				assert.Equal(t, tc.want.Tied, head, "the head is the embedding")
				require.NoError(t, f.Close())
			}
			other := filepath.Join(filepath.Dir(path), "RWKV-4.pth")
			require.NoError(t, os.Rename(path, other))
			f, err := formats.Open(other)
			require.NoError(t, err)
			assert.Nil(t, f.Settings, "the configuration is another model's")
			require.NoError(t, f.Close())
		})
	}
}

func TestAModelHasTheFoldersConfiguration(t *testing.T) {
	dir := folder(t, []byte(`{"hidden_size": 3}`))
	for name, has := range map[string]bool{
		"pytorch_model.bin": true, "model.safetensors": true, "RWKV-4.bin": false, "my-model.safetensors": false,
	} {
		path := ones(t, filepath.Join(dir, "other.pth"), map[string][]int64{"emb.weight": {2, 3}})
		if strings.HasSuffix(name, ".safetensors") {
			writers.Open(t, path).Save(t, filepath.Join(dir, name))
		} else {
			require.NoError(t, os.Rename(path, filepath.Join(dir, name)))
		}
		f, err := formats.Open(filepath.Join(dir, name))
		require.NoError(t, err, name)
		assert.Equal(t, has, f.Settings != nil, name)
		require.NoError(t, f.Close())
	}
}

func TestSettingsOfAnotherMathematicsAreRefused(t *testing.T) {
	for _, setting := range []string{
		`"hidden_act" is "relu": only sqrelu can be converted`, `"hidden_act" is {}: only sqrelu`, `"norm_first" is false: only true`, `"norm_bias" is false`,
		`"elementwise_affine" is false`, `"gate_fn" is "sigmoid"`, `"attn" is {"layers":[1]}`, `"use_short_conv" is true`, `"use_glu" is true`,
		`"quantization_config" is {"bits":4}`, `"pruned_heads" is {"0":[1]}`, `"some_new_thing" is 2`, `"some_new_thing" is "x"`,
		`"num_hidden_layers" is 2.5: want a whole number`, `"vocab_size" is -1`, `"head_dim" is 30000000000`, `"hidden_size" is true`,
		`"norm_eps" is 0: want a positive number`, `"layer_norm_epsilon" is "1e-5"`, `"head_size_divisor" is -8`, `"tie_word_embeddings" is "yes": want true or false`,
	} {
		t.Run(setting, func(t *testing.T) {
			text, _, _ := strings.Cut(setting, ": ")
			dir := folder(t, []byte("{"+strings.Replace(text, " is ", ": ", 1)+"}"))
			_, err := formats.Open(dir)
			require.ErrorContains(t, err, filepath.Join(dir, "config.json")+": "+setting)
		})
	}
}

func TestAConfigurationThatCannotBeReadIsAnError(t *testing.T) {
	path := ones(t, filepath.Join(t.TempDir(), "pytorch_model.bin"), map[string][]int64{"emb.weight": {2, 3}})
	for name, data := range map[string][]byte{"no JSON": []byte("{"), "of another shape": []byte(`{"hidden_size": "wide"}`), "endless": make([]byte, 1<<20+1)} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), data, 0o600))
			_, err := formats.Open(filepath.Dir(path))
			require.ErrorContains(t, err, "config.json: ")
		})
	}
}

func FuzzConfiguration(f *testing.F) {
	f.Add([]byte(`{"hidden_size": 2048, "head_size_divisor": 8}`))
	f.Add([]byte(`{"norm_eps": 1e308, "head_dim": 9223372036854775807}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		path := folder(t, data)
		if file, err := formats.Open(path); err == nil {
			require.NoError(t, file.Close())
		}
	})
}

// folder is a folder with a model and a configuration.
func folder(t *testing.T, config []byte) string {
	t.Helper()
	dir := t.TempDir()
	ones(t, filepath.Join(dir, "pytorch_model.bin"), map[string][]int64{"emb.weight": {2, 3}})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600))
	return dir
}
