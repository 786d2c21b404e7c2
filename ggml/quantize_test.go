package ggml_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

func TestDequantizedIsNearWhatWasQuantized(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(1, 2))
	const rowLen, rows = 512, 4
	x := make([]float32, rowLen*rows)
	importance := make([]float32, rowLen)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range importance {
		importance[i] = 1
	}
	for typ, bound := range map[gguf.Type]float64{ // root mean square error of normally distributed numbers
		gguf.F32: 0, gguf.F16: 3e-4, gguf.BF16: 3e-3, gguf.Q8_0: 0.01, gguf.Q6_K: 0.03, gguf.Q5_K: 0.06, gguf.Q5_1: 0.06, gguf.Q5_0: 0.07,
		gguf.Q4_K: 0.1, gguf.Q4_1: 0.11, gguf.Q4_0: 0.13, gguf.IQ4_NL: 0.11, gguf.IQ4_XS: 0.11, gguf.Q3_K: 0.2, gguf.Q2_K: 0.4,
		gguf.IQ3_S: 0.3, gguf.IQ3_XXS: 0.3, gguf.IQ2_S: 0.5, gguf.IQ2_XS: 0.5, gguf.IQ2_XXS: 0.6, gguf.IQ1_S: 0.8, gguf.IQ1_M: 0.8,
		gguf.TQ1_0: 1, gguf.TQ2_0: 1, gguf.MXFP4: 0.2,
	} {
		if testing.Short() && bound >= 0.5 && typ != gguf.TQ1_0 && typ != gguf.TQ2_0 {
			continue // ggml makes large tables first
		}
		t.Run(typ.String(), func(t *testing.T) {
			rowBytes, err := typ.RowBytes(rowLen)
			require.NoError(t, err)
			data := make([]byte, rows*rowBytes)
			if slices.Contains([]gguf.Type{gguf.IQ1_S, gguf.IQ2_XXS, gguf.IQ2_XS}, typ) {
				require.ErrorContains(t, lib.Quantize(typ, data, x, rowLen, nil), "importance matrix")
			}
			require.NoError(t, lib.Quantize(typ, data, x, rowLen, importance))
			got := make([]float32, len(x))
			require.NoError(t, lib.Dequantize(typ, got, data))
			sum := 0.0
			for i := range x {
				d := float64(x[i] - got[i])
				sum += d * d
			}
			assert.LessOrEqual(t, math.Sqrt(sum/float64(len(x))), bound)
		})
	}
}

func TestQuantizeRefusesWhatWouldAbort(t *testing.T) {
	lib := ggmltest.Library(t)
	x := make([]float32, 300)
	assert.ErrorContains(t, lib.Quantize(gguf.Q4_K, make([]byte, 144), x, 300, nil), "256")
	assert.ErrorContains(t, lib.Quantize(gguf.Q8_0, make([]byte, 33), x[:32], 32, nil), "take 34 bytes, not 33")
	assert.ErrorContains(t, lib.Quantize(gguf.Q8_0, make([]byte, 34), x[:48], 32, nil), "not whole rows")
	assert.ErrorContains(t, lib.Quantize(gguf.Q8_1, make([]byte, 36), x[:32], 32, nil), "cannot quantize")
	assert.ErrorContains(t, lib.Quantize(gguf.Type(999), make([]byte, 36), x[:32], 32, nil), "cannot quantize")
	assert.ErrorContains(t, lib.Quantize(gguf.Q8_0, make([]byte, 34), x[:32], 32, make([]float32, 31)), "importance matrix of 31")
}
