package kernels

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The speed of products on one thread. ggml's own is in package engine's benchmarks.
func BenchmarkProducts(b *testing.B) {
	const in, out = 1024, 1024
	for level := AVX2; level <= Best(); level++ {
		for _, typ := range allTypes {
			m, rows, err := randomMatrix(level, typ, in, out, rand.New(rand.NewPCG(1, 1)))
			require.NoError(b, err)
			require.NoError(b, m.Pack(0, rows))
			for _, columns := range []int64{1, 2, 4, 8, 16, 64, 256} {
				x, y := make([]byte, columns*m.columnBytes()), make([]float32, out*columns)
				calls := NewCalls(1)
				p, err := calls.Product(m, columns)
				require.NoError(b, err)
				var pin runtime.Pinner
				pin.Pin(&x[0])
				pin.Pin(&y[0])
				require.NoError(b, p.Place(uintptr(unsafe.Pointer(&y[0])), address(x)))
				b.Run(fmt.Sprintf("%s/%s/%d", level, typ, columns), func(b *testing.B) {
					for b.Loop() {
						p.run(0)
					}
					b.ReportMetric(float64(in*out*columns)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "MAC/ns")
				})
				calls.Close()
				pin.Unpin()
			}
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for _, typ := range allTypes {
		m, rows, err := randomMatrix(AVX2, typ, 1024, 1024, rand.New(rand.NewPCG(1, 1)))
		require.NoError(b, err)
		b.Run(typ.String(), func(b *testing.B) {
			b.SetBytes(int64(len(rows)))
			for b.Loop() {
				_ = m.Pack(0, rows)
			}
		})
	}
}

// What loading a model costs for each type in it.
func BenchmarkCheck(b *testing.B) {
	for level := AVX2; level <= Best(); level++ {
		for _, typ := range allTypes {
			b.Run(level.String()+" "+typ.String(), func(b *testing.B) {
				for b.Loop() {
					_ = Check(level, typ)
				}
			})
		}
	}
}
