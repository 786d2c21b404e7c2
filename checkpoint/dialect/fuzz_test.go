package dialect_test

import (
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/checkpoint"
	"gosling/checkpoint/dialect"
	"gosling/internal/fuzzing"
)

// file is a checkpoint of the tensors that a fuzzer made up.
func file(names string, dims, data []byte) *checkpoint.File {
	f := &checkpoint.File{Format: "made up"}
	for _, t := range fuzzing.Tensors(names, dims, data) {
		types := map[int64]checkpoint.DType{1: checkpoint.U8, 2: checkpoint.BF16, 4: checkpoint.F32, 8: checkpoint.F64}
		f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: t.Name, DType: types[t.Size], Shape: t.Shape, Data: t.Data})
	}
	return f
}

// everything is the bytes of all tensors, sorted.
func everything(t *testing.T, f *checkpoint.File) []byte {
	var all []byte
	for _, tensor := range f.Tensors {
		want := tensor.Elements() * tensor.DType.Size()
		data, err := io.ReadAll(io.NewSectionReader(tensor.Data, 0, want+1))
		require.NoError(t, err, tensor.Name)
		require.Len(t, data, int(want), tensor.Name)
		all = append(all, data...)
	}
	slices.Sort(all)
	return all
}

// FuzzTranslate translates tensors of any names and shapes. No name comes out twice, and no number is lost or made: what comes
// out is what went in, in another order.
func FuzzTranslate(f *testing.F) {
	data := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	const matrix, vector = 1<<2 | 2, 1<<2 | 1
	f.Add("rwkv.embeddings.weight\nrwkv.blocks.0.attention.time_mix_key\nrwkv.blocks.0.pre_ln.bias", []byte{matrix, 3, 4, vector, 4, vector, 4}, data)
	f.Add("model.embeddings.weight\nmodel.layers.0.attn.r_k\nmodel.layers.0.attn.x_x\nmodel.layers.0.attn.w_lora.lora.0.weight", []byte{matrix, 3, 4, matrix, 2, 2, matrix, 6, 4, matrix, 2, 4}, data)
	f.Add("model.embeddings.weight\nmodel.layers.0.attn.x_bias\nmodel.layers.0.attn.x_proj.0.linear.weight\nmodel.layers.0.attn.x_proj.2.weight", []byte{matrix, 3, 4, matrix, 5, 4, matrix, 10, 4, matrix, 4, 10}, data)
	f.Add("blocks.0.att.w1\nblocks.0.att.time_state\nblocks.1.att.g2", []byte{matrix, 2, 4, 1<<2 | 3, 2, 3, 3, matrix, 4, 2}, data)
	f.Add("blocks.0.att.time_mix_x\nblocks.0.att.time_mix_w1\nblocks.0.att.time_decay_w2\nblocks.0.att.time_first", []byte{vector, 4, matrix, 5, 4, matrix, 4, 2, matrix, 2, 2}, data)
	f.Fuzz(func(t *testing.T, names string, dims, data []byte) {
		defer fuzzing.Guard(t, len(names)+len(dims)+len(data), 1<<13)()
		in := file(names, dims, data)
		out, err := dialect.Translate(in)
		if err != nil {
			return
		}
		if out != in {
			seen := map[string]bool{}
			for _, tensor := range out.Tensors {
				require.False(t, seen[tensor.Name], "%q is there twice", tensor.Name)
				seen[tensor.Name] = true
			}
		}
		require.Equal(t, everything(t, in), everything(t, out))
	})
}
