package convert_test

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v4"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// filled writes tensors whose elements are value(tensor, element).
func filled(t *testing.T, specs []pth.Spec, value func(name string, i int) float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, pth.Write(f, "m", specs, func(i int, w io.Writer) error {
		x := make([]float32, specs[i].Bytes()/4)
		for j := range x {
			x[j] = value(specs[i].Name, j)
		}
		data := make([]byte, 4*len(x))
		float.EncodeF32(data, x)
		_, err := w.Write(data)
		return err
	}))
	require.NoError(t, f.Close())
	return path
}

func states(layers int, shape ...int64) []pth.Spec {
	var specs []pth.Spec
	for i := range layers {
		specs = append(specs, pth.Spec{Name: fmt.Sprintf("blocks.%d.att.time_state", i), DType: checkpoint.F32, Shape: shape})
	}
	return specs
}

func count(_ string, i int) float32 { return float32(i) }

func TestAMergedAdapterIsInTheModelAndItsMetadata(t *testing.T) {
	in := write(t, "RWKV-x070-World-0.1B-v3.pth", small)
	plain, _ := run(t, in, "F32")
	const key = "blocks.1.ffn.value"
	lora := filled(t, []pth.Spec{
		{Name: key + ".lora_A", DType: checkpoint.F32, Shape: []int64{2, 512}}, {Name: key + ".lora_B", DType: checkpoint.F32, Shape: []int64{256, 2}},
	}, func(name string, i int) float32 {
		if name == key+".lora_A" {
			return float32(i % 512)
		}
		return float32(i / 2)
	})
	o := options(t, "F32")
	o.Adapters = []convert.Adapter{{Path: lora, Alpha: 3}}
	out := filepath.Join(t.TempDir(), "merged.gguf")
	_, err := convert.Run(t.Context(), in, out, o)
	require.NoError(t, err)
	f, err := gguf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	for _, info := range f.Tensors() {
		was, _ := plain.Tensor(info.Name)
		old, now := make([]float32, info.Elements()), make([]float32, info.Elements())
		float.DecodeF32(old, plain.Data(was))
		float.DecodeF32(now, f.Data(info))
		if info.Name != "blk.1.channel_mix_value.weight" {
			require.Equal(t, old, now, info.Name)
			continue
		}
		for i := range old {
			row, col := i/512, i%512
			old[i] += float32(3. / 2 * 2 * float64(row*col)) // alpha/rank · Σ over the rank of B·A
		}
		assert.InDeltaSlice(t, old, now, 0.1)
	}
	for key, want := range map[string]string{
		"general.name": "RWKV-x070-World-0.1B-v3 made", "general.finetune": "made", "general.base_model.0.name": "RWKV-x070-World-0.1B-v3",
	} {
		got, _ := f.String(key)
		assert.Equal(t, want, got, key)
	}
}

func TestAStateInTheCheckpointIsReplacedByTheMergedOne(t *testing.T) {
	in := write(t, "m.pth", small)
	first := filled(t, states(2, 8, 32, 32), func(string, int) float32 { return 7 })
	o := options(t, "F32")
	o.State.Path = first
	withFirst := filepath.Join(t.TempDir(), "first.gguf")
	_, err := convert.Run(t.Context(), in, withFirst, o)
	require.NoError(t, err)
	f, err := gguf.Open(withFirst)
	require.NoError(t, err)
	defer f.Close()
	info, ok := f.Tensor("blk.1.time_mix_state.weight")
	require.True(t, ok)
	assert.Equal(t, gguf.F32, info.Type)
	assert.Equal(t, []int64{32, 32, 8}, info.Shape)

	o.State = convert.State{Path: filled(t, states(2, 8, 32, 32), count), Transposed: new(true)}
	swapped := filepath.Join(t.TempDir(), "swapped.gguf")
	_, err = convert.Run(t.Context(), in, swapped, o)
	require.NoError(t, err)
	g, err := gguf.Open(swapped)
	require.NoError(t, err)
	defer g.Close()
	info, _ = g.Tensor("blk.0.time_mix_state.weight")
	x := make([]float32, info.Elements())
	float.DecodeF32(x, g.Data(info))
	assert.Equal(t, []float32{0, 32, 64}, x[:3], "the first row was a column")
}

func TestStatesThatDoNotFitAreRefused(t *testing.T) {
	c := rwkv.NewConfig("rwkv7")
	c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 2, 256, 512, 32, 257
	c.Own = v7.Dims{DecayRank: 32, RateRank: 32, ValueRank: 16, GateRank: 64}
	for want, tc := range map[string]struct {
		specs []pth.Spec
		value func(string, int) float32
	}{
		"holds no tuned state (blocks.0.att.time_state): none of its 1 tensors":  {[]pth.Spec{{Name: "emb.weight", DType: checkpoint.F32, Shape: []int64{2, 2}}}, count},
		`"blocks.1.att.time_state" is missing: the model has 2 layers`:           {states(1, 8, 32, 32), count},
		"states of 3 layers, the model has 2":                                    {states(3, 8, 32, 32), count},
		`"blocks.0.att.time_state" is [4 64 64], the model's state is [8 32 32]`: {states(2, 4, 64, 64), count},
		"element 5 is NaN: the file is damaged": {states(2, 8, 32, 32), func(_ string, i int) float32 {
			if i == 5 {
				return float32(math.NaN())
			}
			return 0
		}},
	} {
		t.Run(want, func(t *testing.T) {
			file := filled(t, tc.specs, tc.value)
			_, err := convert.ReadStates(convert.State{Path: file}, v7.Arch(), c)
			require.ErrorContains(t, err, want)

			o := options(t, "F16")
			o.State.Path = file
			_, err = convert.Run(t.Context(), write(t, "m.pth", small), filepath.Join(t.TempDir(), "o.gguf"), o)
			require.ErrorContains(t, err, file)
			require.ErrorContains(t, err, want)
		})
	}
	old := c
	old.Arch = "rwkv4"
	_, err := convert.ReadStates(convert.State{Path: filled(t, states(2, 8, 32, 32), count)}, v4.Arch(), old)
	require.ErrorContains(t, err, "RWKV-4 has no state that can be tuned")
}
