package rwkvtest

import (
	"math"
	"math/rand/v2"

	"github.com/gosling-rwkv/gosling/ggml/probe"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// A device is not exact. Before a product, its kernels round x, the factor that is not a weight, and they add in an order of
// their own. probe.Arithmetic says in which types. This file computes products in that arithmetic. Where processors differ, it
// chooses at random: x is rounded to either neighbor, with probabilities that keep the mean, and sums begin anywhere.
// tolerance.go derives from it how far a device may be from the exact numbers.

// kernel computes products with one type of weights.
type kernel struct{ probe.Arithmetic }

// toHalf rounds to half precision.
func toHalf(x float32) float32 { return float.F16ToF32(float.F32ToF16(x)) }

// toHalfMantissa rounds to the 11-bit mantissa of half precision, to even, but keeps float32's range. It is several times as fast
// as toHalf. The results are the same for all numbers that are normal in half precision.
func toHalfMantissa(x float32) float32 {
	const dropped = 13
	bits := math.Float32bits(x)
	bits += 1<<(dropped-1) - 1 + bits>>dropped&1
	return math.Float32frombits(bits &^ (1<<dropped - 1))
}

// round rounds x up or down at random.
func (k kernel) round(rng *rand.Rand, x []float64) []float32 {
	y := make([]float32, len(x))
	for from := 0; from < len(x); from += k.Block {
		part := x[from:min(from+k.Block, len(x))]
		step := 0.0
		if k.Block == 1 {
			_, exponent := math.Frexp(part[0])
			step = max(math.Ldexp(k.Unit, exponent), k.Least)
		} else {
			for _, v := range part {
				step = max(step, 2*k.Unit*math.Abs(v))
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

// product multiplies the matrix m, [out][in], by x.
func (k kernel) product(rng *rand.Rand, m, x []float64) []float64 {
	rounded := k.round(rng, x)
	y := make([]float64, len(m)/len(x))
	for o := range y {
		row := m[o*len(x):][:len(x)]
		switch {
		case k.HalfSums > 0:
			y[o] = addHalves(row, rounded, k.HalfSums)
		case k.Unit == probe.UnitF32:
			y[o] = addSingles(row, rounded, rng.IntN(len(x)))
		default: // float32's rounding of sums is negligible compared with the rounding of x
			y[o] = add(row, rounded)
		}
	}
	return y
}

// add returns Σ w·x.
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

// addSingles returns Σ w·x in float32, added in sequence from element first on: the order in which rounding costs most.
func addSingles(w []float64, x []float32, first int) float64 {
	sum := float32(0)
	for _, part := range [][2]int{{first, len(w)}, {0, first}} {
		for i := part[0]; i < part[1]; i++ {
			sum += float32(w[i]) * x[i]
		}
	}
	return float64(sum)
}

// addHalves returns Σ w·x in half precision, in side parallel sums. side is a power of two.
func addHalves(w []float64, x []float32, side int) float64 {
	sums := make([]float32, side)
	for i := range w {
		sum := &sums[i%len(sums)]
		*sum = toHalfMantissa(*sum + float32(w[i])*x[i])
	}
	for n := len(sums) / 2; n > 0; n /= 2 {
		for i := range n {
			sums[i] = toHalfMantissa(sums[i] + sums[i+n])
		}
	}
	return float64(sums[0])
}
