package rounding_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rounding"
)

// How much longer rounding takes than ggml's own, on one thread.
func BenchmarkRound(b *testing.B) {
	lib := ggmltest.Library(b)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{2048, 8192} {
		moments := make([]float32, rounding.Triangle(int64(n)))
		for i := range moments {
			moments[i] = 0.01 * float32(rng.NormFloat64())
		}
		for i := range n {
			moments[rounding.Triangle(int64(i)+1)-1] = 10
		}
		src, importance := normal(rng, 1<<21), diagonal(moments, n)
		size, err := gguf.Q4_K.RowBytes(int64(len(src)))
		require.NoError(b, err)
		dst := make([]byte, size)
		var f *rounding.Factor
		b.Run(fmt.Sprintf("factor/%d", n), func(b *testing.B) {
			for b.Loop() {
				f, err = rounding.NewFactor(b.Context(), moments, n, 1)
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("ggml/%d", n), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, lib.Quantize(gguf.Q4_K, dst, src, int64(n), importance))
			}
		})
		b.Run(fmt.Sprintf("rounding/%d", n), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, f.Round(b.Context(), lib, gguf.Q4_K, dst, src, importance))
			}
		})
	}
}
