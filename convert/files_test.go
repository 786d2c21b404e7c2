package convert_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

func converted(t *testing.T, in string, o convert.Options) *gguf.File {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.gguf")
	_, err := convert.Run(context.Background(), in, out, o)
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestAModelIsTheSameFromEveryFile(t *testing.T) {
	want := converted(t, golden.Path(t, "tiny-rwkv-7v0-834K-bf16.pth"), options(t, "BF16"))
	single := golden.Path(t, "tiny-rwkv-7v0-834K-bf16.safetensors")
	folder := filepath.Join(t.TempDir(), "RWKV-x070-Tiny-1M-v1")
	require.NoError(t, os.Mkdir(folder, 0o700))
	data, err := os.ReadFile(single)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "model.safetensors"), data, 0o600))
	for _, in := range []string{single, folder} {
		got := converted(t, in, options(t, "BF16"))
		require.Len(t, got.Tensors(), len(want.Tensors()))
		for _, w := range want.Tensors() {
			g, ok := got.Tensor(w.Name)
			require.True(t, ok, w.Name)
			require.Equal(t, want.Data(w), got.Data(g), w.Name)
		}
		if in == folder {
			version, _ := got.String("general.version")
			assert.Equal(t, "v1", version, "the folder has the name")
		}
	}
	assert.Equal(t, folder+"-F16.gguf", convert.DefaultOutput(folder+"/", options(t, "F16").Mix))
	assert.Equal(t, "a/m-F16.gguf", convert.DefaultOutput("a/m-00002-of-00003.safetensors", options(t, "F16").Mix))
}

func checkpointOf(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, synth.Config{Version: version, Layers: 2, Embed: 64, HeadSize: 32, Vocab: 256}))
	require.NoError(t, f.Close())
	return path
}

func TestTheGroupNormsEpsilonCanBeSet(t *testing.T) {
	for version, key := range map[string]string{"5.0": "rwkv5", "5.2": "rwkv5", "6": "rwkv6", "7": "rwkv7"} {
		o := options(t, "F32")
		o.GroupNormEps = 1e-5
		eps, ok := converted(t, checkpointOf(t, version), o).Value(key + ".attention.group_norm_epsilon")
		require.True(t, ok, version)
		assert.Equal(t, float32(1e-5), eps, version)
	}
	for eps, version := range map[float32]string{1e-5: "4", -1: "7", 2: "7"} {
		o := options(t, "F32")
		o.GroupNormEps = eps
		_, err := convert.Run(context.Background(), checkpointOf(t, version), filepath.Join(t.TempDir(), "x.gguf"), o)
		require.ErrorContains(t, err, "norm after")
	}
}

func TestAVocabularyOf256RowsIsBytes(t *testing.T) {
	f := converted(t, checkpointOf(t, "4"), options(t, "F32"))
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	require.Len(t, tokens, 256)
	assert.Equal(t, "a", tokens['a'])
	assert.Equal(t, `\x00`, tokens[0])
	_, chat := f.Value("tokenizer.chat_template")
	assert.False(t, chat)
}
