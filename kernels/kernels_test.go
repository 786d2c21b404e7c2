package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
)

var allTypes = []gguf.Type{gguf.Q4_K, gguf.Q5_K, gguf.Q6_K, gguf.Q8_0, gguf.Q4_0, gguf.F16, gguf.BF16, gguf.F32}

// eachLevel runs a test with every level that the processor has.
func eachLevel(t *testing.T, test func(t *testing.T, level Level)) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for level := AVX2; level <= Best(); level++ {
		t.Run(level.String(), func(t *testing.T) { test(t, level) })
	}
}

func TestCheck(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		for _, typ := range allTypes {
			require.NoError(t, Check(level, typ), typ)
		}
	})
}

// A kernel's result is that of plain Go, whatever the number of columns, and the same bits alone and beside others.
func TestProductsOfAllColumns(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				for _, shape := range [][2]int64{{256, 8}, {512, 17}, {768, 3}} {
					in, out := shape[0], shape[1]
					rng := rand.New(rand.NewPCG(uint64(in), uint64(out)))
					m, rows, err := randomMatrix(level, typ, in, out, rng)
					require.NoError(t, err)
					require.NoError(t, m.Pack(0, rows))
					x := make([]float32, in*130)
					for i := range x {
						x[i] = float32(rng.NormFloat64())
					}
					want := m.multiplyPlain(x)
					for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 63, 64, 65, 67, 130} {
						got, err := m.Multiply(x[:int64(n)*in])
						require.NoError(t, err)
						for i, g := range got {
							require.InDelta(t, want[i], g, 1e-4*(1+math.Abs(float64(want[i]))), fmt.Sprint(shape, n, i))
						}
					}
				}
			})
		}
	})
}
