package inspect_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/inspect"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/quant"
)

// model writes a tiny model, as a checkpoint and as a GGUF file.
func model(t *testing.T) (checkpoint, file string) {
	t.Helper()
	dir := t.TempDir()
	checkpoint, file = filepath.Join(dir, "m.pth"), filepath.Join(dir, "m.gguf")
	var data bytes.Buffer
	require.NoError(t, synth.Write(&data, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}))
	require.NoError(t, os.WriteFile(checkpoint, data.Bytes(), 0o600))
	mix, err := quant.ParseMix("F16")
	require.NoError(t, err)
	_, err = convert.Run(t.Context(), checkpoint, file, convert.Options{Mix: mix})
	require.NoError(t, err)
	return checkpoint, file
}

// value returns the value of a key of the metadata.
func value(l *inspect.Listing, key string) any {
	for _, kv := range l.Metadata {
		if kv.Key == key {
			return kv.Value
		}
	}
	return nil
}

// tensor returns the tensor of a name.
func tensor(l *inspect.Listing, name string) inspect.Tensor {
	for _, t := range l.Tensors {
		if t.Name == name {
			return t
		}
	}
	return inspect.Tensor{}
}

func TestAModelIsListedInEveryContainer(t *testing.T) {
	checkpoint, file := model(t)

	l, err := inspect.File(checkpoint)
	require.NoError(t, err)
	assert.Contains(t, l.Format, "PyTorch zip")
	assert.Equal(t, "rwkv7", value(l, "architecture"))
	embedding := tensor(l, "emb.weight")
	assert.Equal(t, "BF16", embedding.Type)
	assert.Equal(t, []int64{257, 64}, embedding.Shape)
	assert.Nil(t, embedding.Offset)
	assert.Nil(t, l.AsItIs, "a checkpoint does not run")
	assert.NotEmpty(t, l.Memory)
	assert.EqualValues(t, 16, l.Totals.BitsPerWeight)

	l, err = inspect.File(file)
	require.NoError(t, err)
	assert.Equal(t, "GGUF version 3", l.Format)
	assert.Equal(t, "rwkv7", value(l, "general.architecture"))
	head := tensor(l, "output.weight")
	assert.Equal(t, []any{"F16", []int64{64, 257}, int64(2 * 64 * 257)}, []any{head.Type, head.Shape, head.Size})
	assert.NotNil(t, head.Offset)
	assert.Equal(t, l.Size, l.AsItIs.Size)
	sums, sizes := 0, int64(0)
	for _, s := range l.Totals.Types {
		sums += s.Tensors
		sizes += s.Bytes
	}
	assert.Equal(t, []any{len(l.Tensors), len(l.Tensors), l.Totals.Bytes}, []any{l.Totals.Tensors, sums, sizes})
	assert.Less(t, sizes, l.Size)

	parts, err := synth.Split(file, 3)
	require.NoError(t, err)
	split, err := inspect.File(parts[1])
	require.NoError(t, err)
	assert.Equal(t, "GGUF version 3, 3 parts", split.Format)
	assert.Equal(t, l.Totals, split.Totals)
	assert.Equal(t, 2, split.Tensors[len(split.Tensors)-1].Part)
}

func TestAFolderIsAsLargeAsItsTensors(t *testing.T) {
	checkpoint, _ := model(t)
	dir := t.TempDir()
	writers.Open(t, checkpoint).Save(t, filepath.Join(dir, "model.safetensors"))
	l, err := inspect.File(dir)
	require.NoError(t, err)
	assert.Contains(t, l.Format, "safetensors")
	assert.Equal(t, l.Totals.Bytes, l.Size)
	assert.Equal(t, "rwkv7", value(l, "architecture"))
}

func TestImportanceMatricesAreListed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.dat") // of llama.cpp, before GGUF: one entry of two sums, over a chunk
	const old = "\x01\x00\x00\x00" + "\x0d\x00\x00\x00output.weight" + "\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x00\x00\x80\x3f\x00\x00\x00\x40"
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	l, err := inspect.File(path)
	require.NoError(t, err)
	assert.Equal(t, "importance matrix of llama.cpp, before GGUF", l.Format)
	assert.Equal(t, inspect.Totals{
		Tensors: 1, Parameters: 2, Bytes: 8, BitsPerWeight: 32, Types: []inspect.TypeTotal{{Type: "F32", Tensors: 1, Parameters: 2, Bytes: 8}},
	}, l.Totals)
	assert.Equal(t, []int64{2}, tensor(l, "output.weight").Shape)
}

func TestTheMetadataOutliveTheFile(t *testing.T) {
	_, file := model(t)
	l, err := inspect.File(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, 0))
	tokens, ok := value(l, "tokenizer.ggml.tokens").([]string)
	require.True(t, ok)
	assert.Equal(t, "<s>", tokens[0])
}

func TestAFileThatIsNoModelIsListedOrRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.gguf")
	f, err := os.Create(path)
	require.NoError(t, err)
	w, err := gguf.NewWriter(f, gguf.Header{Keys: []gguf.KV{{Key: "a", Value: "b"}}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	l, err := inspect.File(path)
	require.NoError(t, err)
	assert.Equal(t, []gguf.KV{{Key: "a", Value: "b"}}, l.Metadata)
	assert.Equal(t, []inspect.Tensor{}, l.Tensors, "not null in JSON")
	assert.Nil(t, l.Memory)

	require.NoError(t, os.WriteFile(path, []byte("no model"), 0o600))
	_, err = inspect.File(path)
	require.ErrorContains(t, err, path)
	_, err = inspect.File(path + ".gone")
	require.ErrorIs(t, err, os.ErrNotExist)
}
