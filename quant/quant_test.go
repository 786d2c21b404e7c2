package quant_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

func TestMixesAreThoseOfLlamaCpp(t *testing.T) {
	numbers := map[uint32]string{}
	for _, m := range quant.Mixes() {
		if strings.HasPrefix(m.Name, "RQ") { // ours have the number of what most of their matrices are
			continue
		}
		assert.NotContains(t, numbers, m.FileType, "two mixes of one number")
		numbers[m.FileType] = m.Name
	}
	for name, want := range map[string]quant.Mix{
		"q4_k_m": {Name: "Q4_K_M", FileType: 15, Matrix: gguf.Q4_K, Embedding: gguf.Q4_K, Head: gguf.Q6_K},
		"Q4_K":   {Name: "Q4_K_M", FileType: 15, Matrix: gguf.Q4_K, Embedding: gguf.Q4_K, Head: gguf.Q6_K},
		"Q8_0":   {Name: "Q8_0", FileType: 7, Matrix: gguf.Q8_0, Embedding: gguf.Q8_0, Head: gguf.Q8_0},
		"bf16":   {Name: "BF16", FileType: 32, Matrix: gguf.BF16, Embedding: gguf.BF16, Head: gguf.BF16},
		"iq2_xs": {Name: "IQ2_XS", FileType: 20, Matrix: gguf.IQ2_XS, Embedding: gguf.Q2_K, Head: gguf.Q5_K},
	} {
		got, err := quant.ParseMix(name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := quant.ParseMix("Q9_9")
	require.ErrorContains(t, err, `no type "Q9_9": there is F32, F16`)
}

func TestTypesOfEachClass(t *testing.T) {
	for _, tc := range []struct {
		mix    string
		class  rwkv.Class
		rowLen int64
		want   gguf.Type
	}{
		{"Q4_K_M", rwkv.Matrix, 2048, gguf.Q4_K},
		{"Q4_K_M", rwkv.Head, 2048, gguf.Q6_K},
		{"Q4_K_M", rwkv.LowRank, 2048, gguf.F16},
		{"Q4_K_M", rwkv.Decay, 2048, gguf.F32},
		{"Q4_K_M", rwkv.Vector, 2048, gguf.F32},
		{"Q4_K_M", rwkv.Matrix, 96, gguf.Q5_0}, // no multiple of 256
		{"Q5_K_S", rwkv.Matrix, 96, gguf.Q5_1},
		{"Q3_K_L", rwkv.Matrix, 96, gguf.Q4_0},
		{"IQ4_XS", rwkv.Matrix, 96, gguf.IQ4_NL},
		{"Q4_K_M", rwkv.Head, 96, gguf.Q8_0},
		{"Q4_0", rwkv.Matrix, 40, gguf.F16}, // no multiple of 32 either
		{"Q4_K_M", rwkv.Matrix, 40, gguf.F16},
		{"Q8_0", rwkv.LowRank, 96, gguf.Q8_0},
		{"Q8_0", rwkv.LowRank, 40, gguf.F16},
		{"F32", rwkv.LowRank, 40, gguf.F32},
		{"RQ4_M", rwkv.Matrix, 2048, gguf.Q4_K},
		{"RQ4_M", rwkv.LowRank, 2048, gguf.Q6_K},
		{"RQ4_M", rwkv.Decay, 2048, gguf.Q8_0},
		{"RQ4_M", rwkv.Decay, 40, gguf.F16},
		{"RQ4_M", rwkv.LowRank, 96, gguf.Q8_0}, // no multiple of 256
	} {
		m, err := quant.ParseMix(tc.mix)
		require.NoError(t, err)
		assert.Equal(t, tc.want.String(), m.Type(rwkv.TensorSpec{Class: tc.class, Shape: []int64{tc.rowLen, 8}}).String(), "%s, class %d, rows of %d", tc.mix, tc.class, tc.rowLen)
	}
	lowRank := rwkv.TensorSpec{Class: rwkv.LowRank, Shape: []int64{64, 8}}
	m, _ := quant.ParseMix("Q4_K_M")
	assert.Equal(t, gguf.BF16, m.Retype(lowRank, gguf.BF16))
	own, _ := quant.ParseMix("rq4_m")
	assert.Equal(t, gguf.Q8_0, own.Retype(lowRank, gguf.BF16), "a mix that names the low-rank pairs rounds them")
	value := rwkv.TensorSpec{Name: "blk.1.time_mix_value.weight", Class: rwkv.Matrix, Shape: []int64{256, 256}}
	assert.Equal(t, gguf.Q5_K, own.Type(value))
	f, _ := quant.ParseMix("F16")
	assert.Equal(t, gguf.F16, f.Retype(lowRank, gguf.BF16))
}

// model writes a tiny model whose tensors are made by fill, and returns its path.
func model(t *testing.T, typ gguf.Type, fill func(name string, x []float32)) string {
	t.Helper()
	c := rwkv.Config{Arch: "rwkv7", Layers: 2, Embed: 256, FFN: 512, HeadSize: 64, Vocab: 300,
		NormEps: 1e-5, GroupNormEps: 64e-5, Own: v7.Dims{DecayRank: 32, RateRank: 32, ValueRank: 32, GateRank: 32}}
	m, err := quant.ParseMix(typ.String())
	require.NoError(t, err)
	var sources []quant.Source
	for i, spec := range v7.Arch().Tensors(c) {
		sources = append(sources, quant.Source{
			Tensor: gguf.Tensor{Name: spec.Name, Shape: spec.Shape, Type: m.Type(spec)},
			Floats: func() ([]float32, error) {
				x := make([]float32, spec.Elements())
				for j := range x {
					x[j] = float32(math.Sin(float64(i*7919 + j*31)))
				}
				if fill != nil {
					fill(spec.Name, x)
				}
				return x, nil
			},
		})
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	keys := append([]gguf.KV{{Key: "general.architecture", Value: "rwkv7"}, {Key: "general.file_type", Value: m.FileType}, {Key: "mine", Value: "kept"}}, v7.Arch().Keys(c)...)
	_, err = quant.Write(context.Background(), path, keys, sources, quant.Options{Quantizer: quantizer(t)})
	require.NoError(t, err)
	return path
}

func quantizer(t *testing.T) func() (quant.Quantizer, error) {
	return func() (quant.Quantizer, error) { return ggmltest.Library(t), nil }
}

func TestQuantizeKeepsOrderAndMetadata(t *testing.T) {
	in := model(t, gguf.F16, nil)
	out := filepath.Join(t.TempDir(), "out.gguf")
	m, _ := quant.ParseMix("Q4_K_M")
	report, err := quant.Quantize(context.Background(), in, out, quant.Retyping{Mix: m}, quant.Options{Quantizer: quantizer(t), Measure: true})
	require.NoError(t, err)
	require.Empty(t, gguf.Check(out))
	f, err := gguf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	g, err := gguf.Open(in)
	require.NoError(t, err)
	defer g.Close()
	require.Len(t, f.Tensors(), len(g.Tensors()))
	for i, tensor := range f.Tensors() {
		assert.Equal(t, g.Tensors()[i].Name, tensor.Name)
	}
	number, _ := f.Uint("general.file_type")
	assert.EqualValues(t, 15, number)
	version, _ := f.Uint("general.quantization_version")
	assert.EqualValues(t, 2, version)
	mine, _ := f.String("mine")
	assert.Equal(t, "kept", mine)

	// The errors in the report are those that reading back gives.
	lib := ggmltest.Library(t)
	i := slices.IndexFunc(report.Kinds, func(k quant.Kind) bool { return k.Name == "channel_mix_value" })
	require.GreaterOrEqual(t, i, 0)
	sum, n := 0.0, 0
	for _, name := range []string{"blk.0.channel_mix_value.weight", "blk.1.channel_mix_value.weight"} {
		a, _ := g.Tensor(name)
		b, _ := f.Tensor(name)
		require.Equal(t, gguf.Q4_K, b.Type)
		x, y := make([]float32, a.Elements()), make([]float32, a.Elements())
		float.DecodeF16(x, g.Data(a))
		require.NoError(t, lib.Dequantize(b.Type, y, f.Data(b)))
		for i := range x {
			sum += float64(x[i]-y[i]) * float64(x[i]-y[i])
		}
		n += len(x)
	}
	assert.InEpsilon(t, math.Sqrt(sum/float64(n)), report.Kinds[i].RMSE(), 1e-6)
	assert.Equal(t, 2, report.Kinds[i].Tensors)
	stat, err := os.Stat(out)
	require.NoError(t, err)
	assert.Equal(t, stat.Size(), report.Size)
}

func TestQuantizedInputNeedsPermission(t *testing.T) {
	in := model(t, gguf.Q8_0, nil)
	m, _ := quant.ParseMix("Q4_0")
	out := filepath.Join(t.TempDir(), "out.gguf")
	_, err := quant.Quantize(context.Background(), in, out, quant.Retyping{Mix: m}, quant.Options{Quantizer: quantizer(t)})
	var quantized *quant.QuantizedError
	require.ErrorAs(t, err, &quantized)
	_, err = quant.Quantize(context.Background(), in, out, quant.Retyping{Mix: m, Requant: true}, quant.Options{Quantizer: quantizer(t)})
	require.NoError(t, err)
	wide, _ := quant.ParseMix("F32")
	_, err = quant.Quantize(context.Background(), in, filepath.Join(t.TempDir(), "wide.gguf"), quant.Retyping{Mix: wide}, quant.Options{Quantizer: quantizer(t)})
	require.NoError(t, err, "back to floating point is always allowed")
}

func TestTypesThatNeedAnImportanceMatrixAreRefused(t *testing.T) {
	in := model(t, gguf.F32, nil)
	for _, mix := range []string{"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS"} {
		m, err := quant.ParseMix(mix)
		require.NoError(t, err)
		out := filepath.Join(t.TempDir(), "out.gguf")
		_, err = quant.Quantize(context.Background(), in, out, quant.Retyping{Mix: m}, quant.Options{})
		require.ErrorContains(t, err, "needs an importance matrix", mix)
		require.NoFileExists(t, out)
	}
}

func TestQuantizeOntoItselfIsRefused(t *testing.T) {
	in := model(t, gguf.F32, nil)
	m, _ := quant.ParseMix("F16")
	_, err := quant.Quantize(context.Background(), in, in, quant.Retyping{Mix: m}, quant.Options{Force: true})
	require.ErrorContains(t, err, "same file")
}

func TestDamagedWeightsAreFound(t *testing.T) {
	nan := float32(math.NaN())
	for name, typ := range map[string]gguf.Type{"in F32": gguf.F32, "in F16": gguf.F16, "in BF16": gguf.BF16} {
		t.Run(name, func(t *testing.T) {
			in := model(t, typ, nil)
			spoil(t, in, "blk.1.time_mix_key.weight", typ, nan)
			for _, mix := range []string{"F32", "F16", "BF16", "Q8_0"} {
				m, _ := quant.ParseMix(mix)
				out := filepath.Join(t.TempDir(), "out.gguf")
				_, err := quant.Quantize(context.Background(), in, out, quant.Retyping{Mix: m}, quant.Options{Quantizer: quantizer(t)})
				require.ErrorContains(t, err, `tensor "blk.1.time_mix_key.weight": element 5`, mix)
				require.NoFileExists(t, out)
			}
		})
	}
}

// spoil sets element 5 of a tensor in a file.
func spoil(t *testing.T, path, name string, typ gguf.Type, value float32) {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	tensor, _ := f.Tensor(name)
	require.NoError(t, f.Close())
	size := typ.BlockBytes()
	data := make([]byte, size)
	typ.Format().Encode(data, []float32{value})
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer w.Close()
	_, err = w.WriteAt(data, tensor.Offset+5*size)
	require.NoError(t, err)
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	in := model(t, gguf.F32, nil)
	m, _ := quant.ParseMix("F16")
	var last, total int64
	_, err := quant.Quantize(context.Background(), in, filepath.Join(t.TempDir(), "out.gguf"), quant.Retyping{Mix: m}, quant.Options{
		Progress: func(done, all int64) {
			assert.Greater(t, done, last)
			last, total = done, all
		},
	})
	require.NoError(t, err)
	assert.InEpsilon(t, total, last, 0.1)
	assert.LessOrEqual(t, last, total)
}
