package rwkvcpp

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"gosling/checkpoint"
	"gosling/internal/float"
)

// made is a tensor that is made whole of another. It is kept until its last byte has been read, so a file read from
// front to back holds one at a time.
type made struct {
	size int64
	make func() ([]byte, error)

	mu   sync.Mutex
	data []byte
}

// ReadAt reads what has been made. It is safe for concurrent use.
func (m *made) ReadAt(p []byte, off int64) (int, error) {
	data, err := m.whole(off + int64(len(p)))
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

// whole makes the tensor unless it is there, and lets go of it when it is read up to its end.
func (m *made) whole(end int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := m.data
	if data == nil {
		var err error
		if data, err = m.make(); err != nil {
			return nil, err
		}
	}
	m.data = data
	if end >= m.size {
		m.data = nil
	}
	return data, nil
}

// transpose swaps the last two dimensions.
func transpose(t checkpoint.Tensor) (checkpoint.Tensor, error) {
	n := len(t.Shape)
	if n < 2 {
		return t, fmt.Errorf("has shape %v, want a matrix", t.Shape)
	}
	rows, cols, size := t.Shape[n-2], t.Shape[n-1], t.DType.Size()
	from := t
	t.Shape = slices.Clone(t.Shape)
	t.Shape[n-2], t.Shape[n-1] = cols, rows
	whole := t.Elements() * size
	t.Data = &made{size: whole, make: func() ([]byte, error) {
		src, dst := make([]byte, whole), make([]byte, whole)
		if err := from.ReadBytes(src, 0); err != nil {
			return nil, err
		}
		for base := int64(0); base < whole; base += rows * cols * size {
			for r := range rows {
				for c := range cols {
					copy(dst[base+(c*rows+r)*size:][:size], src[base+(r*cols+c)*size:][:size])
				}
			}
		}
		return dst, nil
	}}
	return t, nil
}

// inverse delivers the parameters that values were computed from.
func inverse(t checkpoint.Tensor, f function) io.ReaderAt {
	whole := t.Elements() * t.DType.Size()
	return &made{size: whole, make: func() ([]byte, error) {
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
	}}
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
