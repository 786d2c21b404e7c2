package rwkvcpp

import (
	"fmt"
	"io"
	"math"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// inverse delivers the parameters that values were computed from.
func inverse(t checkpoint.Tensor, f function) io.ReaderAt {
	whole := t.Elements() * t.DType.Size()
	return checkpoint.Made(whole, func() ([]byte, error) {
		values := make([]float32, t.Elements())
		if err := t.ReadFloats(values, 0); err != nil {
			return nil, err
		}
		for i, y := range values {
			x, ok := f.invert(y)
			if !ok {
				return nil, fmt.Errorf("element %d is %v, which %s cannot be: the file is damaged", i, y, f.name)
			}
			values[i] = x
		}
		data := make([]byte, whole)
		if t.DType == checkpoint.F16 {
			float.EncodeF16(data, values)
		} else {
			float.EncodeF32(data, values)
		}
		return data, nil
	})
}

// function is one that the converter applied, in float32 after every step as PyTorch computes it.
type function struct {
	name      string
	low, high float32 // what it can give, finite values only
	at        func(x float32) float32
	undo      func(y float64) float64
	least     float32 // the x nearest to the rest whose value is rounded to the one it nears for small x
	most      float32 // and for large x
}

// exp is e to the x, rounded to float32.
func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

var (
	// rate is -exp(x), RWKV-4's decay of a logarithm.
	rate = function{
		name: "-exp(x)", low: -math.MaxFloat32, high: 0,
		at:   func(x float32) float32 { return -exp(x) },
		undo: func(y float64) float64 { return math.Log(-y) },
		// exp rounds to 0 below half of the smallest number, 2^-150.
		least: float32(-150 * math.Ln2), most: 88.72283,
	}
	// decay is exp(-exp(x)), RWKV-5's.
	decay = function{
		name: "exp(-exp(x))", low: 0, high: 1,
		at:    func(x float32) float32 { return exp(-exp(x)) },
		undo:  func(y float64) float64 { return math.Log(-math.Log(y)) },
		least: float32(-25 * math.Ln2), most: 4.644391, // 2^-25 from 1; log(150·log 2) from 0
	}
)

// invert finds the x whose value is y, or nearest to it where float32 has none, and whether the function gives such.
func (f function) invert(y float32) (float32, bool) {
	if !(y >= f.low && y <= f.high) { // NaN as well
		return 0, false
	}
	x := f.undo(float64(y))
	best := max(f.least, min(f.most, float32(x)))
	down, up := best, best
	for range 8 {
		if f.at(best) == y {
			break
		}
		down, up = math.Nextafter32(down, float32(math.Inf(-1))), math.Nextafter32(up, float32(math.Inf(1)))
		for _, candidate := range []float32{down, up} {
			if math.Abs(float64(f.at(candidate))-float64(y)) < math.Abs(float64(f.at(best))-float64(y)) {
				best = candidate
			}
		}
	}
	return best, true
}
