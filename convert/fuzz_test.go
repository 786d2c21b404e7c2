package convert

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// FuzzStates reads tuned states of any names, shapes and types for small models. What is accepted is one for each layer, of the
// size of the layer's state, and finite.
func FuzzStates(f *testing.F) {
	const cube, matrix = 2<<2 | 3, 2<<2 | 2
	data := []byte("\x00\x00\x80\x3f\x00\x00\x00\x40")
	f.Add(byte(0), "blocks.0.att.time_state\nblocks.1.att.time_state", []byte{cube, 3, 2, 2, cube, 3, 2, 2}, data)
	f.Add(byte(1), "blocks.0.att.time_state\nblocks.1.att.time_state", []byte{cube, 3, 2, 2, cube, 3, 2, 2}, []byte("\x00\x00\xc0\x7f"))
	f.Add(byte(2), "blocks.0.att.time_state\nblocks.2.att.time_state", []byte{cube, 3, 2, 2, matrix, 3, 4}, data)
	f.Add(byte(3), "blocks.0.att.time_state", []byte{cube, 3, 2, 2}, data)
	f.Fuzz(func(t *testing.T, which byte, names string, dims, data []byte) {
		defer fuzzing.Guard(t, len(names)+len(dims)+len(data), 1<<13)()
		arch := archs.All()[int(which)%len(archs.All())]
		c := rwkv.NewConfig(arch.Name)
		c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 2, 6, 8, 2, 5
		c.Own = map[byte]any{
			'5': v5.Dims{}, '6': v6.Dims{DecayRank: 1, MixRank: 1}, '7': v7.Dims{DecayRank: 1, RateRank: 1, ValueRank: 1, GateRank: 1},
		}[arch.Title[len(arch.Title)-1]]
		file := &checkpoint.File{}
		types := map[int64]checkpoint.DType{1: checkpoint.Bool, 2: checkpoint.BF16, 4: checkpoint.F32, 8: checkpoint.I64}
		for _, made := range fuzzing.Tensors(names, dims, data) {
			file.Tensors = append(file.Tensors, checkpoint.Tensor{Name: made.Name, DType: types[made.Size], Shape: made.Shape, Data: made.Data})
		}
		states, err := readStates(file, arch, c)
		if err != nil {
			return
		}
		require.Len(t, states, c.Layers)
		require.Len(t, file.Tensors, c.Layers)
		for name, x := range states {
			require.Len(t, x, c.Heads()*c.HeadSize*c.HeadSize, name)
			for _, v := range x {
				require.Zero(t, v-v, "%v in %q", v, name)
			}
		}
	})
}
