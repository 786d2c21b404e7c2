package convert_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/convert"
)

func TestAFoldersConfigurationTellsWhatTensorsDoNot(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Rename(checkpointOf(t, "6"), filepath.Join(folder, "pytorch_model.bin")))
	out := filepath.Join(t.TempDir(), "out.gguf")
	for config, want := range map[string]string{
		`{"hidden_size": 2048}`:                  "config.json says 2048 channels (hidden_size), and the tensors 64: the folder's files are not of one model",
		`{"num_hidden_layers": 24}`:              "config.json says 24 layers (num_hidden_layers), and the tensors 2",
		`{"vocab_size": 65536}`:                  "config.json says 65536 rows of the vocabulary (vocab_size), and the tensors 256",
		`{"head_size": 64}`:                      "config.json says heads of 64, and the tensors of 32",
		`{"layer_norm_epsilon": 3}`:              "config.json says an epsilon of 3 for the norms",
		`{"norm_eps": 1e-3, "head_dim": 100000}`: "config.json says heads of 100000",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600))
		_, err := convert.Run(t.Context(), folder, out, options(t, "F16"))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "it seems to be RWKV-6")
		require.NoFileExists(t, out)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config.json"), []byte(`{"head_size_divisor": 4, "layer_norm_epsilon": 1e-6, "head_size": 32}`), 0o600))
	for given, want := range map[float32]float32{0: 16e-5, 1e-5: 1e-5} {
		o := options(t, "F16")
		o.GroupNormEps = given
		f := converted(t, folder, o)
		eps, _ := f.Value("rwkv6.attention.group_norm_epsilon")
		assert.InDelta(t, want, eps, 1e-9, "the flag overrides the folder")
		eps, _ = f.Value("rwkv6.attention.layer_norm_epsilon")
		assert.InDelta(t, 1e-6, eps, 1e-12)
	}
}
