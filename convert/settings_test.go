package convert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
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

// The epsilon of flash-linear-attention's norm after the recurrence is computed from that of its layer norms (fla/layers/rwkv6.py and
// rwkv7.py), which is 1e-5 where config.json does not say it.
func TestFlashLinearAttentionsNormAfterTheRecurrence(t *testing.T) {
	for name, tc := range map[string]struct {
		version, config string
		given           float32
		want            float32
		notices         int
	}{
		"RWKV-6":                          {"6", `{"norm_eps": 1e-5, "vocab_size": 61}`, 0, 1e-5, 1},
		"RWKV-6, by default":              {"6", `{}`, 0, 1e-5, 1},
		"RWKV-6, as releases have it":     {"6", `{"norm_eps": 64e-5}`, 0, 64e-5, 0},
		"RWKV-6, but for what is given":   {"6", `{"norm_eps": 1e-5}`, 64e-5, 64e-5, 0},
		"RWKV-7":                          {"7", `{"norm_eps": 1e-6, "head_dim": 16}`, 0, 16e-6, 0},
		"RWKV-7, by default":              {"7", `{"num_heads": 4, "head_dim": null}`, 0, 16e-5, 0},
		"RWKV-7, but for what is given":   {"7", ``, 64e-5, 64e-5, 0},
		"RWKV-6 without a config, given":  {"6", ``, 1e-5, 1e-5, 0},
		"RWKV-7 of heads of 64, as usual": {"7 of 64", ``, 0, 64e-5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, "F32")
			o.GroupNormEps = tc.given
			out := filepath.Join(t.TempDir(), "out.gguf")
			result, err := convert.Run(t.Context(), saved(t, inFLA(t, tc.version), "fla/", tc.config), out, o)
			require.NoError(t, err)
			assert.InEpsilon(t, tc.want, result.Config.GroupNormEps, 1e-6)
			f, err := gguf.Open(out)
			require.NoError(t, err)
			defer f.Close()
			_, key := f.Value("rwkv" + tc.version[:1] + ".attention.group_norm_epsilon")
			assert.Equal(t, tc.want != 64e-5, key, "the usual one is not written")
			var said int
			for _, notice := range result.Notices {
				if strings.Contains(notice.Text, "the norm after the recurrence has an epsilon of") {
					said++
				}
			}
			assert.Equal(t, tc.notices, said)
		})
	}
	for _, version := range []string{"6", "7"} {
		_, err := convert.Run(t.Context(), saved(t, inFLA(t, version), "m.safetensors", ""), filepath.Join(t.TempDir(), "out.gguf"), options(t, "F32"))
		var unknown *convert.NoGroupNormError
		require.ErrorAs(t, err, &unknown)
		require.ErrorContains(t, err, "no config.json beside it")
	}
}

// inFLA is a random checkpoint as flash-linear-attention keeps it.
func inFLA(t *testing.T, version string) writers.File {
	t.Helper()
	switch version {
	case "6":
		return writers.FLA6(random(t, "6"))
	case "7":
		return fla7(random(t, "7"))
	}
	return fla7(writers.Open(t, write(t, "m.pth", synth.Config{Layers: 2, Embed: 128, HeadSize: 64, Vocab: 61})))
}

// The head is the embedding where config.json says so, as transformers makes it one, and nowhere else.
func TestTheHeadIsTheEmbeddingWhereTheConfigurationSaysSo(t *testing.T) {
	const tied, head = `{"tie_word_embeddings": true, "norm_eps": 4e-5}`, "lm_head.weight"
	model := inFLA(t, "7")
	twice := model.Without(head)
	emb := model.Tensor(t, "model.embeddings.weight")
	emb.Name = head
	for name, in := range map[string]string{
		"left out":  saved(t, model.Without(head), "fla/", tied),
		"the same":  saved(t, append(twice, emb), "fla/", tied),
		"in a .pth": saved(t, writers.Transformers(random(t, "4")).Without("head.weight"), "hf/", `{"tie_word_embeddings": true}`),
	} {
		t.Run(name, func(t *testing.T) {
			f := converted(t, in, options(t, "F32"))
			from, _ := f.Tensor("token_embd.weight")
			to, ok := f.Tensor("output.weight")
			require.True(t, ok)
			assert.True(t, bytes.Equal(f.Data(from), f.Data(to)))
		})
	}
	for want, in := range map[string]string{
		`lacks "head.weight"`:                              saved(t, model.Without(head), "fla/", `{"tie_word_embeddings": false, "norm_eps": 4e-5}`),
		`"head.weight": the file is incomplete`:            saved(t, model.Without(head), "fla/", `{"norm_eps": 4e-5}`),
		`"head.weight" differs from "emb.weight"`:          saved(t, model, "fla/", tied),
		`but "head.weight" differs from "emb.weight": the`: saved(t, append(model.Without(head), writers.File{emb}.As(t, checkpoint.F32)...), "fla/", tied),
	} {
		_, err := convert.Run(t.Context(), in, filepath.Join(t.TempDir(), "out.gguf"), options(t, "F32"))
		require.ErrorContains(t, err, want)
	}
}
