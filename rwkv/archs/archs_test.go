package archs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// open writes and opens a file with the given metadata and one small tensor.
func open(t *testing.T, tensor string, keys ...gguf.KV) *gguf.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	w, err := gguf.NewWriter(out, gguf.Header{Keys: keys, Tensors: []gguf.Tensor{{Name: tensor, Type: gguf.F32, Shape: []int64{1}}}})
	require.NoError(t, err)
	require.NoError(t, w.WriteAt(0, make([]byte, 4), 0))
	require.NoError(t, w.Close())
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestModelsOfOtherKindsAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		arch, key, tensor string
		want              string
	}{
		"DeepEmbed":                     {"rwkv7a", "", "x", "RWKV-7a (DeepEmbed), which this program does not run; Gosling runs rwkv7"},
		"DeepEmbedAttention":            {"rwkv7b", "", "x", "RWKV-7b (DeepEmbedAttention)"},
		"the next version":              {"rwkv8", "rwkv8.block_count", "x", "RWKV-8, whose mathematics is not settled"},
		"the next version, spelled out": {"rwkv-v8", "", "x", "RWKV-8"},
		"another variant":               {"rwkv6moe", "", "x", "a variant of RWKV that this program does not know"},
		"another hybrid":                {"arwkv8", "", "x", "a variant of RWKV"},
		"Llama, by its attention":       {"llama", "", "blk.0.attn_q.weight", "a transformer; Gosling runs"},
		"Qwen, by its number of heads":  {"qwen2", "qwen2.attention.head_count", "x", "a transformer"},
		"GPT-NeoX, by its fused matrix": {"gptneox", "", "blk.0.attn_qkv.weight", "a transformer"},
		"Mamba, by its dimensions":      {"mamba", "mamba.ssm.state_size", "x", "a state space model such as Mamba"},
		"Mamba, by its tensors":         {"mamba2", "", "blk.0.ssm_in.weight", "a state space model"},
		"a hybrid of both":              {"jamba", "jamba.ssm.conv_kernel", "blk.0.attn_q.weight", "a state space model"},
		"something that tells no more":  {"whisper", "", "x", `architecture "whisper": Gosling runs rwkv7, rwkv6, rwkv5, rwkv4, arwkv7, rwkv6qwen2`},
		"an encoder of pictures":        {"clip", "general.type", "x", "a file of the kind mmproj, not a model"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := []gguf.KV{{Key: "general.architecture", Value: tc.arch}}
			if tc.key == "general.type" {
				keys = append(keys, gguf.KV{Key: tc.key, Value: "mmproj"})
			} else if tc.key != "" {
				keys = append(keys, gguf.KV{Key: tc.key, Value: uint32(4)})
			}
			_, _, err := archs.Describe(open(t, tc.tensor, keys...))
			require.ErrorContains(t, err, tc.want)
			assert.Contains(t, err.Error(), tc.arch)
		})
	}
}

func TestAFileWithoutAnArchitectureIsNoModel(t *testing.T) {
	_, _, err := archs.Describe(open(t, "x"))
	require.ErrorContains(t, err, "no general.architecture")
}
