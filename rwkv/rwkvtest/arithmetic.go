package rwkvtest

import (
	"math"
	"math/rand/v2"
	"runtime"

	"gosling/ggml"
	"gosling/gguf"
	"gosling/internal/float"
)

// A device is not exact: before a product its kernels round x, the factor that is not a weight, to a type that depends on the
// weight's type, and they add up in float32 or half precision, in an order of their own. This file computes products in that
// arithmetic, with random choices where processors differ: x goes to either of its neighbours, with probabilities that make the
// mean right, and sums begin anywhere. tolerance.go derives from it how far a device may be from the exact numbers.

// The unit roundoffs of the types that x is rounded to: half the distance of two neighbours, relative to x, or for blocks of
// 8-bit integers to the largest x of the block.
const (
	unitF32   = 1.0 / (1 << 24)
	unitF16   = 1.0 / (1 << 11)
	unitBF16  = 1.0 / (1 << 8)
	unitBlock = 1.0 / (2 * 127)
)

// kernel is how products with weights of one type are computed.
type kernel struct {
	unit        float64 // the unit roundoff of x
	block       int     // x is rounded relative to the largest of so many elements; 1: as floating point
	least       float64 // the smallest positive number of that floating point
	halfWeights bool    // weights are rounded to half precision
	halfSums    bool    // so is each sum of two
}

// kernelOf is how d multiplies by weights of the type. Where devices of one kind differ it is the coarsest.
func kernelOf(typ gguf.Type, d ggml.Device) kernel {
	k := kernel{unit: unitBlock, block: max(32, int(typ.BlockSize()))}
	switch {
	case typ == gguf.F32 && d.IsHost():
		return kernel{unit: unitF32, block: 1, least: math.SmallestNonzeroFloat32}
	case typ == gguf.BF16:
		return kernel{unit: unitBF16, block: 1, least: math.SmallestNonzeroFloat32}
	case typ == gguf.F32 || typ == gguf.F16:
		k = kernel{unit: unitF16, block: 1, least: leastF16}
	}
	k.halfWeights = !d.IsHost() // GPUs multiply batches so
	k.halfSums = !d.IsHost() || typ == gguf.F16 && runtime.GOARCH == "arm64"
	return k
}

// leastF16 is the smallest positive number of half precision.
const leastF16 = 1.0 / (1 << 24)

// toHalf rounds to half precision.
func toHalf(x float32) float32 { return float.F16ToF32(float.F32ToF16(x)) }

// round rounds x up or down at random.
func (k kernel) round(rng *rand.Rand, x []float64) []float32 {
	y := make([]float32, len(x))
	for from := 0; from < len(x); from += k.block {
		part := x[from:min(from+k.block, len(x))]
		step := 0.0
		if k.block == 1 {
			_, exponent := math.Frexp(part[0])
			step = max(math.Ldexp(k.unit, exponent), k.least)
		} else {
			for _, v := range part {
				step = max(step, 2*k.unit*math.Abs(v))
			}
		}
		for i, v := range part {
			if step > 0 {
				y[from+i] = float32(math.Floor(v/step+rng.Float64()) * step)
			}
		}
	}
	return y
}

// product multiplies the matrix m, [out][in], and x.
func (k kernel) product(rng *rand.Rand, m, x []float64) []float64 {
	rounded := k.round(rng, x)
	y := make([]float64, len(m)/len(x))
	for o := range y {
		row := m[o*len(x):][:len(x)]
		switch {
		case k.halfSums:
			y[o] = addHalves(row, rounded)
		case k.unit == unitF32:
			y[o] = addSingles(row, rounded, rng.IntN(len(x)))
		default: // what float32 rounds off its sums does not count beside the rounding of x
			y[o] = add(row, rounded)
		}
	}
	return y
}

// add is Σ w·x.
func add(w []float64, x []float32) float64 {
	var sums [4]float64
	n := len(w) &^ 3
	for i := 0; i < n; i += 4 {
		a, b := w[i:][:4:4], x[i:][:4:4]
		sums[0] += a[0] * float64(b[0])
		sums[1] += a[1] * float64(b[1])
		sums[2] += a[2] * float64(b[2])
		sums[3] += a[3] * float64(b[3])
	}
	for i := n; i < len(w); i++ {
		sums[0] += w[i] * float64(x[i])
	}
	return sums[0] + sums[1] + sums[2] + sums[3]
}

// addSingles is Σ w·x in float32, one after another from the given element on: the order in which rounding costs most.
func addSingles(w []float64, x []float32, first int) float64 {
	sum := float32(0)
	for _, part := range [][2]int{{first, len(w)}, {0, first}} {
		for i := part[0]; i < part[1]; i++ {
			sum += float32(w[i]) * x[i]
		}
	}
	return float64(sum)
}

// addHalves is Σ w·x in half precision, in as many sums side by side as Arm's kernels have.
func addHalves(w []float64, x []float32) float64 {
	var sums [32]float32
	for i := range w {
		sum := &sums[i%len(sums)]
		*sum = toHalf(*sum + float32(w[i])*x[i])
	}
	for n := len(sums) / 2; n > 0; n /= 2 {
		for i := range n {
			sums[i] = toHalf(sums[i] + sums[i+n])
		}
	}
	return float64(sums[0])
}
