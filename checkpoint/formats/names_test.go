package formats_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
)

func TestWhatTrainersPutIntoNamesIsTakenOut(t *testing.T) {
	for name, want := range map[string]string{
		"module.emb.weight":                          "emb.weight",
		"_forward_module.emb.weight":                 "emb.weight",
		"_orig_mod.emb.weight":                       "emb.weight",
		"model.emb.weight":                           "emb.weight",
		"module.model._orig_mod.emb.weight":          "emb.weight",
		"_orig_mod.module.emb.weight":                "emb.weight",
		"model._fsdp_wrapped_module.emb.weight":      "emb.weight",
		"blocks.0._orig_mod.ln1.weight":              "blocks.0.ln1.weight",
		"blocks.0._fsdp_wrapped_module.ffn.x_k":      "blocks.0.ffn.x_k",
		"blocks.1._checkpoint_wrapped_module.ln1.x":  "blocks.1.ln1.x",
		"_fsdp_wrapped_module._fpw_module.head.x":    "head.x",
		"model.model.layers.0.unknown":               "model.layers.0.unknown",
		"model.layers.0.unknown":                     "model.layers.0.unknown",
		"module.model.norm.weight":                   "model.norm.weight",
		"module.weight":                              "module.weight",
		"base_model.model.blocks.0.att.key.lora_A.x": "base_model.model.blocks.0.att.key.lora_A.x",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := formats.Open(ones(t, filepath.Join(t.TempDir(), "m.pth"), map[string][]int64{name: {2, 3}}))
			require.NoError(t, err)
			defer f.Close()
			assert.Equal(t, want, f.Tensors[0].Name)
		})
	}
}

func TestTwoModelsInOneFileAreRefused(t *testing.T) {
	_, err := formats.Open(ones(t, filepath.Join(t.TempDir(), "m.pth"), map[string][]int64{"module.emb.weight": {2, 3}, "model.emb.weight": {2, 3}}))
	require.ErrorContains(t, err, `are both "emb.weight"`)
}

// shards writes a model in two files beside its index.
func shards(t *testing.T, dir string) (first, index string) {
	t.Helper()
	first = ones(t, filepath.Join(dir, "pytorch_model-00001-of-00002.bin"), map[string][]int64{"_orig_mod.emb.weight": {2, 3}})
	ones(t, filepath.Join(dir, "pytorch_model-00002-of-00002.bin"), map[string][]int64{"_orig_mod.head.weight": {2, 3}})
	index = filepath.Join(dir, "pytorch_model.bin.index.json")
	text := `{"weight_map": {"_orig_mod.emb.weight": "pytorch_model-00001-of-00002.bin", "_orig_mod.head.weight": "pytorch_model-00002-of-00002.bin"}}`
	require.NoError(t, os.WriteFile(index, []byte(text), 0o600))
	return first, index
}

func TestAnyFileOfAModelInSeveralIsTheWholeModel(t *testing.T) {
	dir := t.TempDir()
	first, index := shards(t, dir)
	for _, path := range []string{first, index, dir, filepath.Join(dir, "pytorch_model-00002-of-00002.bin")} {
		f, err := formats.Open(path)
		require.NoError(t, err)
		var names []string
		for _, tensor := range f.Tensors {
			names = append(names, tensor.Name)
		}
		slices.Sort(names)
		assert.Equal(t, []string{"emb.weight", "head.weight"}, names)
		assert.NotEmpty(t, f.Sums)
		require.NoError(t, f.Close())
	}
	require.NoError(t, os.Remove(index))
	_, err := formats.Open(first)
	require.ErrorContains(t, err, fmt.Sprintf("%s: is part 1 of 2 of a model, and pytorch_model.bin.index.json is not beside it", first))

	only := filepath.Join(dir, "pytorch_model-00001-of-00001.bin")
	require.NoError(t, os.Rename(first, only))
	f, err := formats.Open(only)
	require.NoError(t, err, "a model in one part needs no index")
	require.NoError(t, f.Close())
	_, err = formats.Open(first)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The name of a file says nothing of what is in it.
func TestPointersAndPagesUnderEveryName(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"
	for _, name := range []string{"m.pth", "m.safetensors", "m.st", "m.bin", "m.gguf", "m"} {
		for text, want := range map[string]string{pointer: "is a Git LFS pointer, not the model itself", "<!DOCTYPE html><html>": "is a web page"} {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := formats.Open(path)
			require.ErrorContains(t, err, path+": "+want)
			_, err = formats.OpenAdapter(path, 1, "")
			require.ErrorContains(t, err, path+": "+want)
		}
	}
	dir := t.TempDir()
	_, index := shards(t, dir)
	require.NoError(t, os.WriteFile(index, []byte(pointer), 0o600))
	_, err := formats.Open(dir)
	require.ErrorContains(t, err, "is a Git LFS pointer")
	path := ones(t, filepath.Join(t.TempDir(), "pytorch_model.bin"), map[string][]int64{"emb.weight": {2, 3}})
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(pointer), 0o600))
	_, err = formats.Open(path)
	require.ErrorContains(t, err, "config.json: is a Git LFS pointer")
}
