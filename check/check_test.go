package check_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	v7 "github.com/gosling-rwkv/gosling/rwkv/v7"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// modelHeader returns the header of a model that has all its tensors.
func modelHeader() gguf.Header {
	arch, _ := archs.Named("rwkv7")
	config := rwkv.Config{
		Arch: arch.Name, Layers: 2, Embed: 64, FFN: 256, HeadSize: 32, Vocab: 257, Context: 4096,
		NormEps: 1e-5, GroupNormEps: 64e-5, Own: v7.Dims{DecayRank: 8, RateRank: 8, ValueRank: 8, GateRank: 8},
	}
	h := gguf.Header{Keys: append([]gguf.KV{{Key: "general.architecture", Value: arch.Name}}, arch.Keys(config)...)}
	tokens, types := tokenizer.Bytes().GGUFTokens(257)
	h.Keys = append(h.Keys, gguf.KV{Key: "tokenizer.ggml.model", Value: "rwkv"},
		gguf.KV{Key: "tokenizer.ggml.tokens", Value: tokens}, gguf.KV{Key: "tokenizer.ggml.token_type", Value: types})
	for _, spec := range arch.Tensors(config) {
		h.Tensors = append(h.Tensors, gguf.Tensor{Name: spec.Name, Type: gguf.F32, Shape: spec.Shape})
	}
	return h
}

// writeGGUF writes a model of zeros and replaces some bytes of one tensor.
func writeGGUF(t *testing.T, h gguf.Header, tensor string, data []byte, at int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, h)
	require.NoError(t, err)
	for i, info := range w.Tensors() {
		all := make([]byte, info.Size)
		if info.Name == tensor {
			copy(all[at:], data)
		}
		require.NoError(t, w.WriteAt(i, all, 0))
	}
	require.NoError(t, w.Close())
	return path
}

func TestFileFinds(t *testing.T) {
	const key = "blk.1.time_mix_key.weight"
	nan := make([]byte, 8)
	float.EncodeF32(nan, []float32{float32(math.NaN()), float32(math.Inf(-1))})
	index := func(h *gguf.Header, name string) int {
		return slices.IndexFunc(h.Tensors, func(t gguf.Tensor) bool { return t.Name == name })
	}
	set := func(h *gguf.Header, key string, value any) {
		for i := range h.Keys {
			if h.Keys[i].Key == key {
				h.Keys[i].Value = value
			}
		}
	}
	for name, tc := range map[string]struct {
		change func(*gguf.Header)
		data   []byte
		ggml   bool
		want   string // how each problem begins, or the note, each on its own line
	}{
		"nothing wrong with a sound model": {func(*gguf.Header) {}, nil, false, ""},
		"weights that are not finite": {
			func(*gguf.Header) {}, nan, false,
			"wrong: tensor \"blk.1.time_mix_key.weight\" has 1 NaN and 1 infinite weights, the first at element 25",
		},
		"weights that are not finite in BF16": {
			func(h *gguf.Header) { h.Tensors[index(h, key)].Type = gguf.BF16 }, []byte{0xc0, 0x7f, 0x80, 0xff}, false,
			"wrong: tensor \"blk.1.time_mix_key.weight\" has 1 NaN and 1 infinite weights, the first at element 50",
		},
		"scales that are not finite": {
			func(h *gguf.Header) { h.Tensors[index(h, key)].Type = gguf.Q8_0 }, bytes.Repeat([]byte{0x7e}, 68), true,
			"wrong: tensor \"blk.1.time_mix_key.weight\" has 64 NaN and 0 infinite weights, the first at element 96",
		},
		"a missing tensor": {
			func(h *gguf.Header) { h.Tensors = slices.Delete(h.Tensors, index(h, key), index(h, key)+1) }, nil, false,
			"wrong: tensor \"blk.1.time_mix_key.weight\" is missing",
		},
		"a tensor of a wrong shape and one that does not belong there": {
			func(h *gguf.Header) {
				h.Tensors[index(h, key)].Shape = []int64{64, 32}
				h.Tensors[0].Name, h.Tensors[index(h, "output.weight")].Name = "token_embd.weight", "lm_head.weight"
			}, nil, false,
			"wrong: tensor \"blk.1.time_mix_key.weight\" is [64 32], want [64 64]\n" +
				"wrong: tensor \"output.weight\" is missing: not a complete RWKV-7 model\n" +
				"wrong: tensor \"lm_head.weight\" is not part of RWKV-7: the file holds a variant that this program does not run",
		},
		"more rows than tokens": {
			func(h *gguf.Header) {
				tokens, types := tokenizer.Bytes().GGUFTokens(300)
				set(h, "tokenizer.ggml.tokens", tokens)
				set(h, "tokenizer.ggml.token_type", types)
			}, nil, false,
			"wrong: tokenizer.ggml.tokens has 300 entries, the embedding 257 rows",
		},
		"no key of the architecture": {
			func(h *gguf.Header) { set(h, "rwkv7.wkv.head_size", "big") }, nil, false,
			"wrong: key \"rwkv7.wkv.head_size\"",
		},
		"an architecture that it does not run": {
			func(h *gguf.Header) { set(h, "general.architecture", "mamba") }, nil, false,
			"wrong: architecture \"mamba\": Gosling runs rwkv7, rwkv6, rwkv5, rwkv4, arwkv7, rwkv6qwen2",
		},
		"nothing to say of a tokenizer that it does not know": {
			func(h *gguf.Header) { set(h, "tokenizer.ggml.model", "bert") }, nil, false,
			"note: the tokenizer \"bert\" is not known",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var o check.Options
			if tc.ggml {
				lib := ggmltest.Library(t)
				o.Dequantizer = func() (check.Dequantizer, error) { return lib, nil }
			}
			h := modelHeader()
			tc.change(&h)
			path := writeGGUF(t, h, key, tc.data, 100)
			found, err := check.File(t.Context(), path, o)
			require.NoError(t, err)
			if note, ok := strings.CutPrefix(tc.want, "note: "); ok {
				assert.Empty(t, found.Problems)
				require.Len(t, found.Notes, 1)
				assert.Contains(t, found.Notes[0], note)
				return
			}
			assert.Empty(t, found.Notes)
			want := strings.FieldsFunc(tc.want, func(r rune) bool { return r == '\n' })
			require.Len(t, found.Problems, len(want))
			for i, p := range want {
				assert.True(t, strings.HasPrefix("wrong: "+found.Problems[i], p), found.Problems[i])
			}
		})
	}
}

func TestProblemsAreInTheOrderOfTheFile(t *testing.T) {
	h := modelHeader()
	path := filepath.Join(t.TempDir(), "model.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, h)
	require.NoError(t, err)
	var want []string
	for i, info := range w.Tensors() {
		require.NoError(t, w.WriteAt(i, bytes.Repeat([]byte{0xff}, int(info.Size)), 0))
		want = append(want, fmt.Sprintf("tensor %q has %d NaN and 0 infinite weights, the first at element 0", info.Name, info.Elements()))
	}
	require.NoError(t, w.Close())
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	assert.Equal(t, want, found.Problems)
}

func TestWithoutALibraryQuantizedWeightsAreNotLookedAt(t *testing.T) {
	h := modelHeader()
	for i := range h.Tensors[1:] {
		if strings.HasSuffix(h.Tensors[i].Name, "_key.weight") {
			h.Tensors[i].Type = gguf.Q8_0
		}
	}
	path := writeGGUF(t, h, "", nil, 0)
	opened := 0
	found, err := check.File(t.Context(), path, check.Options{Dequantizer: func() (check.Dequantizer, error) {
		opened++
		return nil, fmt.Errorf("%w: looked in a, b and c", ggml.ErrNotFound)
	}})
	require.NoError(t, err)
	assert.Equal(t, 1, opened)
	assert.Equal(t, check.Findings{
		Problems: []string{}, Notes: []string{"weights of type Q8_0 were not checked: " + ggml.ErrNotFound.Error()},
	}, found, "one note for all tensors, without the places")
}

func writeCheckpoint(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.pth")
	var file bytes.Buffer
	require.NoError(t, synth.Write(&file, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}))
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}

func TestTheChecksumsOfRecordsAreCompared(t *testing.T) {
	path := writeCheckpoint(t)
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Findings{Problems: []string{}, Notes: []string{}}, found)

	f, err := formats.Open(path)
	require.NoError(t, err)
	defer f.Close()
	weights, ok := f.Tensor("blocks.0.att.key.weight")
	require.True(t, ok)
	row := make([]float32, 64)
	require.NoError(t, weights.ReadFloats(row, 0))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	elements := make([]byte, 2*len(row))
	float.EncodeBF16(elements, row)
	at := bytes.Index(data, elements)
	require.Positive(t, at)
	data[at+100] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))
	found, err = check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.Len(t, found.Problems, 1)
	assert.Contains(t, found.Problems[0], "has the checksum")

	copy(data[at+100:], []byte{0xc0, 0x7f}) // NaN
	require.NoError(t, os.WriteFile(path, data, 0o600))
	found, err = check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.Len(t, found.Problems, 2)
	assert.Contains(t, found.Problems, `tensor "blocks.0.att.key.weight" has 1 NaN and 0 infinite weights, the first at element 50`)
}

func TestWhatKeepsACheckpointFromBeingConvertedIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "less.pth")
	writers.Open(t, writeCheckpoint(t)).Without("blocks.1.att.key.weight").Save(t, path)
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.Len(t, found.Problems, 1)
	assert.Contains(t, found.Problems[0], "blocks.1.att.key.weight")
}

func TestWhatCannotBeLookedAtIsAnError(t *testing.T) {
	_, err := check.File(t.Context(), filepath.Join(t.TempDir(), "gone.gguf"), check.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)

	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("no model\n"), 0o600))
	_, err = check.File(t.Context(), text, check.Options{})
	require.ErrorContains(t, err, text)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{writeCheckpoint(t), writeGGUF(t, modelHeader(), "", nil, 0)} {
		_, err = check.File(ctx, path, check.Options{})
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestAFileThatIsCutShortHasItsTensorsNamed(t *testing.T) {
	path := writeGGUF(t, modelHeader(), "", nil, 0)
	require.NoError(t, os.Truncate(path, 100_000))
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.NotEmpty(t, found.Problems)
	assert.Contains(t, found.Problems[0], "cut short")
	assert.Equal(t, []string{"the tensors were not checked, because the file cannot be opened"}, found.Notes)
}

// old is an importance matrix in llama.cpp's format before GGUF: one entry of two sums, over a chunk.
const old = "\x01\x00\x00\x00" + "\x0d\x00\x00\x00output.weight" + "\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x00\x00\x80\x3f\x00\x00\x00\x40"

func TestOldImportanceMatricesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.dat")
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	assert.Equal(t, check.Findings{Problems: []string{}, Notes: []string{}}, found)

	require.NoError(t, os.WriteFile(path, []byte(old[:len(old)-1]), 0o600))
	_, err = check.File(t.Context(), path, check.Options{})
	require.ErrorContains(t, err, path)
}

func TestImportanceMatricesAreReadWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	m := imatrix.Matrix{Datasets: []string{"a"}, Chunks: 1, ChunkSize: 8, Entries: []imatrix.Entry{{Name: "output.weight", Squares: []float64{1, 2}, Tokens: 8}}}
	require.NoError(t, m.Write(path, false))
	found, err := check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	assert.Empty(t, found.Problems)

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(data, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}) // the sums
	require.Positive(t, at)
	data[at+3] = 0xbf // -1
	require.NoError(t, os.WriteFile(path, data, 0o600))
	found, err = check.File(t.Context(), path, check.Options{})
	require.NoError(t, err)
	require.Len(t, found.Problems, 1)
	assert.Contains(t, found.Problems[0], "which is not a sum of squares")
}
