package formats_test

import (
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// ones writes matrices of ones, [2, 3] or as their factors of rank 2 need.
func ones(t *testing.T, path string, names map[string][]int64) string {
	t.Helper()
	var specs []pth.Spec
	for name, shape := range names {
		specs = append(specs, pth.Spec{Name: name, DType: checkpoint.F32, Shape: shape})
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, pth.Write(f, "m", specs, func(i int, w io.Writer) error {
		for range specs[i].Shape[0] * specs[i].Shape[1] {
			if err := binary.Write(w, binary.LittleEndian, float32(1)); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, f.Close())
	return path
}

// Factors have the names of the model's file or those that it is translated to.
func TestAdaptersOfBothNamesAreMerged(t *testing.T) {
	dir := t.TempDir()
	model := ones(t, filepath.Join(dir, "hf.pth"), map[string][]int64{"rwkv.embeddings.weight": {2, 3}, "rwkv.blocks.0.attention.key.weight": {2, 3}, "head.weight": {2, 3}})
	a, b := []int64{2, 3}, []int64{2, 2}
	own := ones(t, filepath.Join(dir, "peft", "adapter_model.bin"), map[string][]int64{
		"base_model.model.rwkv.blocks.0.attention.key.lora_A.weight": a, "base_model.model.rwkv.blocks.0.attention.key.lora_B.weight": b})
	config := `{"peft_type": "LORA", "lora_alpha": 8, "r": 2, "target_modules": ["key"]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "peft", "adapter_config.json"), []byte(config), 0o600))
	authors := ones(t, filepath.Join(dir, "lora.pth"), map[string][]int64{"blocks.0.att.key.lora_A": a, "blocks.0.att.key.lora_B": b})

	first, err := formats.OpenAdapter(filepath.Dir(own), 0, "")
	require.NoError(t, err)
	defer first.Close()
	assert.Equal(t, "peft", first.Name())
	second, err := formats.OpenAdapter(authors, 3, "")
	require.NoError(t, err)
	defer second.Close()
	f, err := formats.OpenAs(model, "", second, first)
	require.NoError(t, err)
	defer f.Close()
	key, ok := f.Tensor("blocks.0.att.key.weight")
	require.True(t, ok)
	x := make([]float32, 6)
	require.NoError(t, key.ReadFloats(x, 0))
	for _, v := range x {
		assert.InDelta(t, 1+8/2*2+1.5*2, v, 1e-6)
	}
	assert.False(t, math.IsNaN(float64(x[0])))
}

func TestAdaptersThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	other := ones(t, filepath.Join(dir, "model.pth"), map[string][]int64{"emb.weight": {2, 3}})
	_, err := formats.OpenAdapter(other, 1, "")
	require.ErrorContains(t, err, "model.pth: it holds no low-rank pairs")
	_, err = formats.OpenAdapter(filepath.Join(dir, "missing.pth"), 1, "")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = formats.OpenAdapter(dir, 1, "")
	require.ErrorIs(t, err, os.ErrNotExist, "a folder without an adapter")
	lora := ones(t, filepath.Join(dir, "lora.pth"), map[string][]int64{"k.lora_A": {2, 3}, "k.lora_B": {2, 2}})
	_, err = formats.OpenAdapter(lora, 0, filepath.Join(dir, "init.pth"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "adapter_config.json"), []byte("{"), 0o600))
	_, err = formats.OpenAdapter(lora, 1, "")
	require.ErrorContains(t, err, "adapter_config.json: ")
}
