package ggml_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Matrices are rearranged for the CPU's units in some kinds of buffers, and multiplied by kernels of their own.
func TestEveryKindOfBufferMultiplies(t *testing.T) {
	lib := ggmltest.Library(t)
	ggmltest.NoLeaks(t)
	const out = 64
	for _, kind := range lib.CPU().BufferTypes() {
		for _, typ := range []gguf.Type{gguf.F16, gguf.Q4_0, gguf.Q4_1, gguf.Q8_0, gguf.IQ4_NL, gguf.Q4_K, gguf.Q6_K} {
			for _, in := range []int64{32, 64, 256} {
				if in%typ.BlockSize() != 0 || !kind.HoldsMatrix(typ, in, out) {
					continue
				}
				for _, rows := range []int64{1, 32, 33} {
					t.Run(fmt.Sprintf("%s/%s/%d rows of %d", kind.Name(), typ, rows, in), func(t *testing.T) {
						multiply(t, lib, kind, typ, in, out, rows)
					})
				}
			}
		}
	}
}

// multiply holds a product to the same of the dequantized matrix. The kernels round the other factor to 8 bits.
func multiply(t *testing.T, lib *ggml.Library, kind ggml.BufferType, typ gguf.Type, in, out, rows int64) {
	rng := rand.New(rand.NewPCG(uint64(in), uint64(typ)))
	weights, x := ggmltest.Random(rng, in, out).Floats(), ggmltest.Random(rng, in, rows).Floats()
	rowBytes, err := typ.RowBytes(in)
	require.NoError(t, err)
	data := make([]byte, rowBytes*out)
	require.NoError(t, lib.Quantize(typ, data, weights, in, nil))
	require.NoError(t, lib.Dequantize(typ, weights, data))
	want := make([]float64, out*rows)
	for i := range want {
		for j := range in {
			want[i] += float64(weights[int64(i)%out*in+j]) * float64(x[int64(i)/out*in+j])
		}
	}

	ctx, err := lib.NewContext(1)
	require.NoError(t, err)
	defer ctx.Close()
	w, err := ctx.New(typ, in, out)
	require.NoError(t, err)
	buffer, err := kind.Alloc([]ggml.Tensor{w}, ggml.UsageWeights)
	require.NoError(t, err)
	defer buffer.Close()
	require.NoError(t, w.SetBytes(data))
	g := lib.NewGraph()
	defer g.Close()
	input := g.Input(gguf.F32, in, rows)
	product := input.MatMul(w)
	g.Output(product)
	require.NoError(t, g.Err())
	backend, err := lib.CPU().NewBackend(1)
	require.NoError(t, err)
	defer backend.Close()
	s, err := lib.NewScheduler(g, backend)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, input.SetFloats(x))
	require.NoError(t, s.Compute(t.Context()))
	got := make([]float32, len(want))
	require.NoError(t, product.ReadFloats(got, 0))
	ggmltest.Close(t, want, got, 0.02)
}
