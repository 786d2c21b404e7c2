package imatrix_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// sample is a matrix with one empty entry.
func sample() *imatrix.Matrix {
	return &imatrix.Matrix{
		Datasets: []string{"a.txt", "b.txt"}, Chunks: 3, ChunkSize: 512,
		Entries: []imatrix.Entry{
			{Name: "blk.0.time_mix_key.weight", Squares: []float64{1.5, 0, 3072}, Tokens: 1536},
			{Name: "blk.1.time_mix_key.weight", Squares: []float64{0, 0}, Tokens: 0},
		},
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, sample().Write(path, false))
	got, err := imatrix.Read(path)
	require.NoError(t, err)
	assert.Equal(t, sample(), got)
	assert.Empty(t, gguf.Check(path))
	require.ErrorIs(t, sample().Write(path, false), fs.ErrExist)
	require.NoError(t, sample().Write(path, true))
}

// The file was written by llama-imatrix for a random RWKV-7 model of one layer and 64 channels, from 1024 tokens of English.
func TestAFileOfLlamaCppIsReadAndWrittenAlike(t *testing.T) {
	path := filepath.Join("testdata", "llama-imatrix.gguf")
	m, err := imatrix.Read(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"t.txt"}, m.Datasets)
	assert.Equal(t, 2, m.Chunks)
	assert.Equal(t, 512, m.ChunkSize)
	assert.Len(t, m.Entries, 12)
	w, ok := m.Weights("blk.0.time_mix_receptance.weight")
	require.True(t, ok)
	assert.Len(t, w, 64)
	assert.InDelta(t, 873.8261/1024, w[0], 1e-6)
	_, ok = m.Weights("output.weight")
	assert.False(t, ok)

	again := filepath.Join(t.TempDir(), "again.gguf")
	require.NoError(t, m.Write(again, false))
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	got, err := os.ReadFile(again)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestWeightsAreMeansAndOnesWhereNothingWasSeen(t *testing.T) {
	w, ok := sample().Weights("blk.0.time_mix_key.weight")
	require.True(t, ok)
	assert.Equal(t, []float32{1.5 / 1536, 0, 2}, w)
	w, _ = sample().Weights("blk.1.time_mix_key.weight")
	assert.Equal(t, []float32{1, 1}, w)
}

func TestMergedMatricesAddUp(t *testing.T) {
	m := &imatrix.Matrix{}
	require.NoError(t, m.Merge(sample()))
	require.NoError(t, m.Merge(&imatrix.Matrix{
		Datasets: []string{"c.txt"}, Chunks: 1, ChunkSize: 512,
		Entries: []imatrix.Entry{{Name: "a", Squares: []float64{7}, Tokens: 512}, {Name: "blk.0.time_mix_key.weight", Squares: []float64{1, 2, 3}, Tokens: 512}},
	}))
	want := sample()
	want.Datasets, want.Chunks = append(want.Datasets, "c.txt"), 4
	want.Entries[0] = imatrix.Entry{Name: "blk.0.time_mix_key.weight", Squares: []float64{2.5, 2, 3075}, Tokens: 2048}
	want.Entries = append([]imatrix.Entry{{Name: "a", Squares: []float64{7}, Tokens: 512}}, want.Entries...)
	assert.Equal(t, want, m)
	assert.Equal(t, 1.5, sample().Entries[0].Squares[0], "what was merged is as it was")

	other := sample()
	other.ChunkSize = 64
	require.ErrorContains(t, m.Merge(other), "64 tokens, others have 512")
	require.ErrorContains(t, m.Merge(&imatrix.Matrix{Entries: []imatrix.Entry{{Name: "a", Squares: []float64{1, 2}}}}), "belong to different models")
}

// file writes a file with the given keys and F32 tensors.
func file(t testing.TB, keys []gguf.KV, tensors map[string][]float32) string {
	h := gguf.Header{Keys: keys}
	var data [][]float32
	for name, x := range tensors {
		h.Tensors = append(h.Tensors, gguf.Tensor{Name: name, Type: gguf.F32, Shape: []int64{int64(len(x))}})
		data = append(data, x)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := gguf.NewWriter(f, h)
	require.NoError(t, err)
	for i, x := range data {
		var b []byte
		for _, v := range x {
			u := math.Float32bits(v)
			b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
		}
		require.NoError(t, w.WriteAt(i, b, 0))
	}
	require.NoError(t, w.Close())
	return path
}

func keys(change func(map[string]any)) []gguf.KV {
	values := map[string]any{"general.type": "imatrix", "imatrix.datasets": []string{"a"}, "imatrix.chunk_count": uint32(1), "imatrix.chunk_size": uint32(512)}
	if change != nil {
		change(values)
	}
	var kvs []gguf.KV
	for k, v := range values {
		kvs = append(kvs, gguf.KV{Key: k, Value: v})
	}
	return kvs
}

func TestFilesThatAreNoImportanceMatrixAreRefused(t *testing.T) {
	good := map[string][]float32{"a.in_sum2": {1, 2}, "a.counts": {512}}
	nan := float32(math.NaN())
	for want, tc := range map[string]struct {
		keys    func(map[string]any)
		tensors map[string][]float32
	}{
		`general.type is "model", want "imatrix"`:         {func(m map[string]any) { m["general.type"] = "model" }, good},
		`general.type is "", want "imatrix"`:              {func(m map[string]any) { delete(m, "general.type") }, good},
		`key "imatrix.datasets" is missing`:               {func(m map[string]any) { m["imatrix.datasets"] = "a" }, good},
		`key "imatrix.chunk_count" is missing`:            {func(m map[string]any) { m["imatrix.chunk_count"] = int32(-1) }, good},
		`key "imatrix.chunk_size" is missing`:             {func(m map[string]any) { delete(m, "imatrix.chunk_size") }, good},
		"512 tokens: the file is damaged":                 {func(m map[string]any) { m["imatrix.chunk_count"] = uint64(1) << 40 }, good},
		"the file has no sums":                            {nil, nil},
		`its count "a.counts" is missing`:                 {nil, map[string][]float32{"a.in_sum2": {1}}},
		`the sums "a.in_sum2" that it counts are missing`: {nil, map[string][]float32{"a.counts": {1}}},
		"want a name that ends":                           {nil, map[string][]float32{"token_embd.weight": {1}}},
		`".in_sum2": want a name`:                         {nil, map[string][]float32{".in_sum2": {1}}},
		"it has 2 counts":                                 {nil, map[string][]float32{"a.in_sum2": {1, 2}, "a.counts": {1, 1}}},
		"element 1 is NaN":                                {nil, map[string][]float32{"a.in_sum2": {1, nan}, "a.counts": {1}}},
		"element 0 is -1":                                 {nil, map[string][]float32{"a.in_sum2": {-1, 1}, "a.counts": {1}}},
		"element 0 is +Inf":                               {nil, map[string][]float32{"a.in_sum2": {float32(math.Inf(1))}, "a.counts": {1}}},
		"its count is NaN":                                {nil, map[string][]float32{"a.in_sum2": {1}, "a.counts": {nan}}},
		"its count is -1":                                 {nil, map[string][]float32{"a.in_sum2": {1}, "a.counts": {-1}}},
	} {
		t.Run(want, func(t *testing.T) {
			path := file(t, keys(tc.keys), tc.tensors)
			_, err := imatrix.Read(path)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, path)
		})
	}
	_, err := imatrix.Read(file(t, keys(nil), good))
	require.NoError(t, err)
	old := filepath.Join(t.TempDir(), "imatrix.dat")
	require.NoError(t, os.WriteFile(old, []byte("\x0d\x00\x00\x00\x15\x00\x00\x00"), 0o600))
	_, err = imatrix.Read(old)
	require.ErrorContains(t, err, "is not an importance matrix: want a GGUF file, or llama.cpp's .dat")
}

// FuzzRead checks that no bytes make the reader panic, and that accepted files stay the same when written and read again.
func FuzzRead(f *testing.F) {
	for _, path := range []string{
		filepath.Join("testdata", "llama-imatrix.gguf"),
		file(f, keys(nil), map[string][]float32{"a.in_sum2": {1, 2}, "a.counts": {512}}),
		file(f, keys(nil), map[string][]float32{"a.in_sum2": {1, -2}, "a.counts": {512}}),
	} {
		b, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer fuzzing.Guard(t, len(b), 1<<10)()
		path := filepath.Join(t.TempDir(), "m.gguf")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		m, err := imatrix.Read(path)
		if err != nil {
			return
		}
		for _, e := range m.Entries {
			w, ok := m.Weights(e.Name)
			require.True(t, ok)
			require.Len(t, w, len(e.Squares))
		}
		out, err := os.Create(path)
		require.NoError(t, err)
		defer out.Close()
		if m.Encode(out) != nil {
			return // the name is too long for ggml
		}
		again, err := imatrix.Read(path)
		require.NoError(t, err)
		require.Len(t, again.Entries, len(m.Entries))
		for i, e := range m.Entries {
			require.Equal(t, e.Name, again.Entries[i].Name)
			require.Equal(t, e.Squares, again.Entries[i].Squares)
			require.InEpsilon(t, float64(e.Tokens)+1, float64(again.Entries[i].Tokens)+1, 1e-6)
		}
	})
}
