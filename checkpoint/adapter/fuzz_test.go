package adapter_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzMerge merges adapters of any configuration and tensors into a small model, in which a pair may be of any weight. A model
// that comes out has the tensors of the one that went in, of the same shapes, and numbers that are finite.
func FuzzMerge(f *testing.F) {
	const matrix = 2<<2 | 2 // of F32
	pair, dims := "blocks.0.att.key.lora_A\nblocks.0.att.key.lora_B", []byte{matrix, 2, 5, matrix, 4, 2}
	data := []byte("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x80\xbf")
	f.Add([]byte(`{"peft_type":"LORA","lora_alpha":8}`), pair, dims, data)
	f.Add([]byte(`{"lora_alpha":1e308,"use_rslora":true,"init_lora_weights":"gaussian"}`), pair, dims, []byte("\xff\xff\x7f\x7f"))
	f.Add([]byte(`{"lora_alpha":2}`), pair, dims, []byte("\x00\x00\xc0\x7f"))
	f.Add([]byte(`{"lora_alpha":2}`), "base_model.model.blocks.0.att.key.lora_A.weight\nblocks.0.att.key.lora_B.default.weight\nblocks.0.ln1.weight", append(dims, 2<<2|1, 5), data)
	f.Add([]byte(`{"peft_type":7,"alpha_pattern":{"key":1}}`), pair, dims, data)
	f.Fuzz(func(t *testing.T, config []byte, names string, dims, data []byte) {
		defer fuzzing.Guard(t, len(config)+len(names)+len(dims)+len(data), 1<<13)()
		var o adapter.Options
		if json.Unmarshal(config, &o.Config) != nil {
			return
		}
		made, err := adapter.New(tensors("lora.pth", names, dims, data), o)
		if err != nil {
			return
		}
		require.True(t, made.Rank() > 0 && o.Alpha >= 0)
		base := tensors("base.pth", "emb.weight\nblocks.0.att.key.weight\nblocks.0.ln1.weight\nblocks.0.ln1.bias", []byte{2<<2 | 2, 3, 5, 2<<2 | 2, 4, 5, 2<<2 | 1, 5, 1<<2 | 1, 5}, []byte("\x00\x00\x80\x3f"))
		merged, err := made.Merge(base)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, len(merged.Tensors), len(base.Tensors))
		for i, was := range base.Tensors {
			got := merged.Tensors[i]
			require.Equal(t, was.Name, got.Name)
			require.Equal(t, was.Elements(), got.Elements())
			x := make([]float32, got.Elements())
			if err := got.ReadFloats(x, 0); err != nil || got.Name != "blocks.0.att.key.weight" {
				continue
			}
			for _, v := range x {
				require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0), "%v in %q", v, got.Name)
			}
		}
	})
}

// tensors is a checkpoint of what a fuzzer made up.
func tensors(path, names string, dims, data []byte) *checkpoint.File {
	f := &checkpoint.File{Path: path}
	types := map[int64]checkpoint.DType{1: checkpoint.I8, 2: checkpoint.F16, 4: checkpoint.F32, 8: checkpoint.F64}
	for _, t := range fuzzing.Tensors(names, dims, data) {
		f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: t.Name, DType: types[t.Size], Shape: t.Shape, Data: t.Data})
	}
	return f
}
