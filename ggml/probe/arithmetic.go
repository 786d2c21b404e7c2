package probe

import (
	"math"
	"runtime"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
)

// The unit roundoffs of the types that kernels round to. A unit roundoff is half the distance between neighbouring numbers, relative to the
// number. For blocks of 8-bit integers it is relative to the largest number of the block.
const (
	UnitF32   = 1.0 / (1 << 24)
	UnitF16   = 1.0 / (1 << 11)
	UnitBF16  = 1.0 / (1 << 8)
	UnitBlock = 1.0 / (2 * 127)

	leastF16 = 1.0 / (1 << 24) // the smallest positive number of half precision
)

// Arithmetic is how a device multiplies a matrix and x. Before the product its kernels round x to a type that depends on the
// matrix's, and they add up in float32 or half precision.
type Arithmetic struct {
	Unit        float64 // the unit roundoff of x
	Block       int     // x is rounded relative to the largest of Block elements; 1 means that x is rounded to floating point
	Least       float64 // the smallest positive number of that floating-point type
	HalfWeights bool    // the matrix is rounded to half precision
	HalfSums    int     // the number of sums side by side that are rounded to half precision after each addition; 0 for sums in float32
}

// ArithmeticOf returns how d multiplies with weights of the type. If devices of one kind differ, it returns the least precise arithmetic.
func ArithmeticOf(typ gguf.Type, d ggml.Device) Arithmetic {
	a := Arithmetic{Unit: UnitBlock, Block: max(32, int(typ.BlockSize()))}
	switch {
	case typ == gguf.F32 && d.IsHost():
		return Arithmetic{Unit: UnitF32, Block: 1, Least: math.SmallestNonzeroFloat32}
	case typ == gguf.BF16:
		return Arithmetic{Unit: UnitBF16, Block: 1, Least: math.SmallestNonzeroFloat32}
	case typ == gguf.F32 || typ == gguf.F16:
		a = Arithmetic{Unit: UnitF16, Block: 1, Least: leastF16}
	}
	a.HalfWeights = !d.IsHost() // GPUs multiply batches so
	switch {
	case !d.IsHost():
		a.HalfSums = 1
	case typ == gguf.F16 && runtime.GOARCH == "arm64":
		a.HalfSums = 32
	}
	return a
}

// bound is how far Σ w·x may be from the exact sum. Roundings are independent, so their errors add up as squares do (Higham and
// Mary, "A new approach to probabilistic rounding error analysis", 2019); a correct kernel stays below six times the unit.
func (a Arithmetic) bound(w, x []float64) float64 {
	rounded, sizes := 0.0, 0.0
	for from := 0; from < len(x); from += a.Block {
		part := x[from:min(from+a.Block, len(x))]
		largest := 0.0
		for _, v := range part {
			largest = max(largest, math.Abs(v))
		}
		for i, v := range part {
			rounded += w[from+i] * w[from+i] * largest * largest
			sizes += math.Abs(w[from+i] * v)
		}
	}
	sum := UnitF32
	if a.HalfSums > 0 {
		sum = UnitF16
	}
	return 6*a.Unit*math.Sqrt(rounded) + sum*math.Sqrt(float64(len(x)))*sizes + a.Least
}
