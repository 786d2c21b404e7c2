package rwkvcpp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/golden"
)

// sameModel asks for the original: bit for bit, but for values that were computed from what is restored.
func sameModel(t *testing.T, want []singleTensor, data []byte, half bool) {
	f, err := read(data)
	require.NoError(t, err)
	require.Len(t, f.Tensors, len(want))
	gate := slices.ContainsFunc(want, func(s singleTensor) bool { return s.name == "blocks.0.att.gate.weight" })
	for _, s := range want {
		name, f5 := s.name, false
		if strings.HasSuffix(name, ".time_first") && slices.ContainsFunc(want, func(s singleTensor) bool { return s.name == "blocks.0.att.ln_x.weight" }) {
			name, f5 = strings.Replace(name, "time_first", "time_faaaa", 1), true
		}
		tensor, ok := f.Tensor(name)
		require.True(t, ok, name)
		require.Equal(t, s.shape, tensor.Shape, name)
		for i, got := range floats(t, tensor) {
			x := s.x[i]
			switch {
			case f5:
				x = exp(x)
			case strings.HasSuffix(name, ".time_decay") && !slices.ContainsFunc(want, func(s singleTensor) bool { return s.name == "blocks.0.att.time_maa_x" }):
				v5 := gate || slices.ContainsFunc(want, func(s singleTensor) bool { return s.name == "blocks.0.att.ln_x.weight" })
				if v5 {
					got, x = decay.at(got), decay.at(x)
				} else {
					got, x = rate.at(got), rate.at(x)
				}
				if math.Abs(float64(got-x)) > 1.2e-7*max(math.Abs(float64(x)), 1e-3) {
					require.Failf(t, "another decay", "%s[%d]: %v, want %v", name, i, got, x)
				}
				continue
			case half && tensor.DType.Size() == 2:
				x = float.F16ToF32(float.F32ToF16(x))
			}
			if math.Float32bits(x) != math.Float32bits(got) {
				require.Failf(t, "another number", "%s[%d]: %v, want %v", name, i, got, x)
			}
		}
	}
}

func TestTheOriginalCheckpointComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("many numbers")
	}
	for _, name := range []string{
		"tiny-rwkv-4v0-660K", "tiny-rwkv-5v1-730K", "tiny-rwkv-5v2-730K", "tiny-rwkv-6v0-3m-dequantized-from-Q5_1", "tiny-rwkv-7v0-834K",
		"synth-rwkv-4-L4-C256-bf16", "synth-rwkv-5.2-L4-C256-bf16", "synth-rwkv-6-L4-C256-bf16", "synth-rwkv-7-L4-C256-bf16", "micro-rwkv-5.1-L2-C64-cuda-metadata-bf16",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := checkpoint.Open(golden.Path(t, name+".pth"), pth.Read)
			require.NoError(t, err)
			defer f.Close()
			want := all(t, f)
			sameModel(t, want, convertAll(t, want, false), false)
			sameModel(t, want, convertAll(t, want, true), true)
		})
	}
}

// model is a small checkpoint of that version, as the training code shapes it.
func model(kind string) []singleTensor {
	random := rand.New(rand.NewPCG(1, 7))
	var out []singleTensor
	add := func(name string, shape ...int64) {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		out = append(out, singleTensor{name, shape, x})
	}
	add("emb.weight", 6, 8)
	for l := range 2 {
		b := fmt.Sprintf("blocks.%d.", l)
		add(b+"ln1.weight", 8)
		switch kind {
		case "4":
			add(b+"att.time_decay", 8)
			add(b+"att.time_first", 8)
			add(b+"att.time_mix_k", 1, 1, 8)
		case "5.0":
			add(b+"att.time_decay", 2)
			add(b+"att.time_first", 2)
			add(b+"att.ln_x.weight", 8)
		case "5.1", "5.2", "5.2 with one head":
			shape := map[string][]int64{"5.1": {2}, "5.2": {2, 4}, "5.2 with one head": {1, 8}}[kind]
			add(b+"att.time_decay", shape...)
			add(b+"att.time_faaaa", shape...)
			add(b+"att.time_mix_g", 1, 1, 8)
			add(b+"att.ln_x.weight", 8)
			add(b+"att.gate.weight", 8, 8)
		case "6":
			for _, key := range []string{"x", "w", "k", "v", "r", "g"} {
				add(b+"att.time_maa_"+key, 1, 1, 8)
			}
			add(b+"att.time_maa_w1", 8, 15)
			add(b+"att.time_maa_w2", 5, 3, 8)
			add(b+"att.time_decay", 1, 1, 8)
			add(b+"att.time_decay_w1", 8, 4)
			add(b+"att.time_decay_w2", 4, 8)
			add(b+"att.time_faaaa", 2, 4)
			add(b+"att.ln_x.weight", 8)
			add(b+"ffn.time_maa_k", 1, 1, 8)
		case "7":
			for _, key := range []string{"r", "w", "k", "v", "a", "g"} {
				add(b+"att.x_"+key, 1, 1, 8)
			}
			for _, key := range []string{"w", "a", "v", "g"} {
				add(b+"att."+key+"1", 8, 3)
				add(b+"att."+key+"2", 3, 8)
			}
			add(b+"att.k_k", 1, 1, 8)
			add(b+"att.r_k", 2, 4)
			add(b+"att.ln_x.weight", 8)
			add(b+"ffn.x_k", 1, 1, 8)
		}
		add(b+"att.key.weight", 8, 8)
		add(b+"ffn.value.weight", 8, 16)
	}
	add("head.weight", 6, 8)
	return out
}

func TestEveryVersionComesBack(t *testing.T) {
	for _, kind := range []string{"4", "5.0", "5.1", "5.2", "5.2 with one head", "6", "7"} {
		t.Run(kind, func(t *testing.T) {
			want := model(kind)
			sameModel(t, want, convertAll(t, want, false), false)
			sameModel(t, want, convertAll(t, want, true), true)
		})
	}
}

func TestTheInverseGivesTheStoredValueBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		x := float32(random.NormFloat64() * 3)
		for _, f := range []function{rate, decay} {
			y := f.at(x)
			got, ok := f.invert(y)
			require.True(t, ok)
			require.InDelta(t, y, f.at(got), 6e-8*max(1, math.Abs(float64(y))), "%s of %v", f.name, x)
		}
	}
	for _, tc := range []struct {
		f function
		y float32
	}{{rate, 0}, {rate, -math.MaxFloat32}, {rate, -math.SmallestNonzeroFloat32}, {decay, 0}, {decay, 1}, {decay, math.SmallestNonzeroFloat32}, {decay, math.Nextafter32(1, 0)}} {
		x, ok := tc.f.invert(tc.y)
		require.True(t, ok, "%s = %v", tc.f.name, tc.y)
		require.Less(t, math.Abs(float64(x)), 105.0)
		if tc.y == -math.MaxFloat32 {
			require.InEpsilon(t, tc.y, tc.f.at(x), 1e-4)
			continue
		}
		require.Equal(t, tc.y, float32(math.Abs(float64(tc.f.at(x))))*sign(tc.y), "%s = %v by %v", tc.f.name, tc.y, x)
	}
}

func sign(y float32) float32 {
	if y < 0 {
		return -1
	}
	return 1
}

func TestDecaysThatNothingGives(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, y := range []float32{1, inf, -inf, nan} {
		_, ok := rate.invert(y)
		assert.False(t, ok, "%v", y)
	}
	for _, y := range []float32{-0.1, 1.0001, inf, -inf, nan} {
		_, ok := decay.invert(y)
		assert.False(t, ok, "%v", y)
	}
	f, err := read(fileOf(100, 1, 2, 1, stored{"blocks.0.ln1.weight", []int64{2}, 0, f32s(1, 1)},
		stored{"blocks.0.att.time_decay", []int64{2}, 0, f32s(-1, nan)}))
	require.NoError(t, err)
	decay, _ := f.Tensor("blocks.0.att.time_decay")
	err = decay.ReadFloats(make([]float32, 2), 0)
	assert.ErrorContains(t, err, `"blocks.0.att.time_decay": element 1 is NaN`)
}
