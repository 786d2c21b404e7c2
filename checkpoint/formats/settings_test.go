package formats_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/checkpoint"
	"gosling/checkpoint/formats"
	"gosling/internal/fuzzing"
)

func TestAFoldersConfigurationIsRead(t *testing.T) {
	for name, tc := range map[string]struct {
		json string
		want checkpoint.Settings
	}{
		"of transformers": {`{"hidden_size": 2048, "num_hidden_layers": 24, "vocab_size": 65536, "head_size": 64, "head_size_divisor": 8, "layer_norm_epsilon": 1e-5, "architectures": ["Rwkv6ForCausalLM"]}`,
			checkpoint.Settings{Embed: 2048, Layers: 24, Vocab: 65536, HeadSize: 64, NormEps: 1e-5, GroupNormEps: 64e-5}},
		"of flash-linear-attention": {`{"hidden_size": 768, "head_dim": 32, "norm_eps": 1e-6, "intermediate_size": null}`,
			checkpoint.Settings{Embed: 768, HeadSize: 32, NormEps: 1e-6, GroupNormEps: 32e-6}},
		"that says nothing": {`{}`, checkpoint.Settings{}},
	} {
		t.Run(name, func(t *testing.T) {
			path := ones(t, filepath.Join(t.TempDir(), "pytorch_model.bin"), map[string][]int64{"emb.weight": {2, 3}})
			config := filepath.Join(filepath.Dir(path), "config.json")
			require.NoError(t, os.WriteFile(config, []byte(tc.json), 0o600))
			for _, in := range []string{path, filepath.Dir(path)} {
				f, err := formats.Open(in)
				require.NoError(t, err)
				require.NotNil(t, f.Settings)
				assert.InDelta(t, tc.want.GroupNormEps, f.Settings.GroupNormEps, 1e-12)
				f.Settings.GroupNormEps = tc.want.GroupNormEps
				assert.Equal(t, tc.want, *f.Settings)
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
