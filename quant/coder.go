package quant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// coder turns elements of one type into another.
type coder struct {
	quantizer Quantizer // nil where no quantized type occurs
	measure   bool
	weights   [][]float32 // of each source's channels; nil entries for all alike
	rounders  []*rounder  // of each source; nil entries where ggml rounds
	threads   int
	without   []string // tensors that an importance matrix lacks
	apart     calibration.Difference
}

// newCoder opens the quantizer if one is needed and refuses types that it cannot write well.
func newCoder(ctx context.Context, sources []Source, o Options) (*coder, error) {
	if o.Calibration != nil && o.Importance != nil {
		return nil, errors.New("an importance matrix and a calibration cannot be combined: give one of the two")
	}
	weights, without, err := o.weights(ctx, sources)
	if err != nil {
		return nil, err
	}
	c := &coder{measure: o.Measure, weights: weights, without: without, threads: o.threads()}
	for _, s := range sources {
		c.rounders = append(c.rounders, o.Calibration.rounder(s))
	}
	i := slices.IndexFunc(sources, Source.needsQuantizer)
	if i < 0 {
		return c, nil
	}
	if o.Quantizer == nil {
		return nil, fmt.Errorf("tensor %q: %s needs ggml, which is not open", sources[i].Tensor.Name, sources[i].Tensor.Type)
	}
	if c.quantizer, err = o.Quantizer(); err != nil || o.Calibration == nil {
		return c, err
	}
	var calibrated []Source
	for i, w := range weights {
		if w != nil {
			calibrated = append(calibrated, sources[i])
		}
	}
	c.apart, err = c.differ(o.Calibration.File, calibrated)
	return c, err
}

// weighted reports whether anything is rounded by an importance matrix or a calibration.
func (c *coder) weighted() bool {
	return slices.ContainsFunc(c.weights, func(w []float32) bool { return w != nil })
}

// pieceElements is the number of elements of a source that are converted at a time, about.
func (c *coder) pieceElements(source int) int64 {
	if c.rounders[source] != nil {
		return calibratedPieceElements
	}
	return pieceElements
}

// rounded reports whether its elements are written in a quantized type that they do not have yet.
func (s Source) rounded() bool {
	return !floating(s.Tensor.Type) && (s.Floats != nil || s.From != s.Tensor.Type)
}

// needsQuantizer reports whether its elements are to be read or written in a quantized type.
func (s Source) needsQuantizer() bool {
	if s.Floats == nil && s.From == s.Tensor.Type { // copied
		return false
	}
	return !floating(s.Tensor.Type) || s.Floats == nil && !floating(s.From)
}

// buffers are a worker's own.
type buffers struct {
	out          []byte
	floats, back []float32
}

func grow[T any](b *[]T, n int64) []T {
	if int64(cap(*b)) < n {
		*b = make([]T, n)
	}
	return (*b)[:n]
}

// convert returns a piece in its new type and, if errors are measured, the sum of the squared differences. What it returns is
// finite, whoever made it.
func (c *coder) convert(ctx context.Context, s Source, p piece, b *buffers) (out []byte, squares float64, err error) {
	to := s.Tensor.Type
	size, err := bytesOf(to, p)
	if err != nil {
		return nil, 0, err
	}
	var x []float32
	if s.Floats != nil {
		if x, err = s.Floats(); err != nil {
			return nil, 0, err
		}
	} else {
		in := p.in
		if s.From == to {
			return in, 0, finiteBytes(to, in, p.first)
		}
		if s.From == gguf.BF16 && to == gguf.F16 && !c.measure {
			out = grow(&b.out, size)
			float.BF16ToF16Bytes(out, in)
			if err := fits(to, out, p.first); err != nil {
				return nil, 0, cmp.Or(finiteBytes(s.From, in, p.first), err)
			}
			return out, 0, nil
		}
		x = grow(&b.floats, p.n)
		if err := c.decode(s.From, x, in); err != nil {
			return nil, 0, err
		}
	}
	if err := finite(x, p.first); err != nil {
		return nil, 0, err
	}
	out = grow(&b.out, size)
	if err := c.encode(ctx, to, out, x, p); err != nil {
		return nil, 0, err
	}
	if !c.measure {
		return out, 0, nil
	}
	back := grow(&b.back, p.n)
	if err := c.decode(to, back, out); err != nil {
		return nil, 0, err
	}
	for i := range x {
		d := float64(x[i]) - float64(back[i])
		squares += d * d
	}
	return out, squares, nil
}

// bytesOf is the size of a piece in a type. Rows are whole, so blocks are.
func bytesOf(t gguf.Type, p piece) (int64, error) {
	n, err := t.RowBytes(p.rowElements)
	if err != nil || p.rowElements == 0 {
		return 0, err
	}
	return p.n / p.rowElements * n, nil
}

func (c *coder) decode(t gguf.Type, x []float32, data []byte) error {
	if f := t.Format(); f != 0 {
		f.Decode(x, data)
		return nil
	}
	return c.quantizer.Dequantize(t, x, data)
}

func (c *coder) encode(ctx context.Context, t gguf.Type, out []byte, x []float32, p piece) error {
	if f := t.Format(); f != 0 {
		f.Encode(out, x)
		return fits(t, out, p.first)
	}
	weights := c.weights[p.source]
	round := func() error { return c.quantizer.Quantize(t, out, x, p.rowElements, weights) }
	if r := c.rounders[p.source]; r != nil {
		round = func() error { return r.round(ctx, c.quantizer, t, out, x, weights, c.threads) }
	}
	var large *ggml.RangeError
	if err := round(); errors.As(err, &large) {
		return fmt.Errorf("element %d is %.4g, more than a block of %s can hold: use BF16 or F32 for this tensor", p.first+int64(large.Index), large.Value, t)
	} else if err != nil {
		return err
	}
	return fitBlocks(t, out, x, p.first, weights != nil)
}

// finite refuses numbers that no model computes with.
func finite(x []float32, first int64) error {
	if i := float.FirstNotFinite(x); i >= 0 {
		return fmt.Errorf("element %d is %v: the weights are damaged", first+int64(i), x[i])
	}
	return nil
}

// finiteBytes is finite for elements in their bytes. Of blocks it looks at the scales.
func finiteBytes(t gguf.Type, data []byte, first int64) error {
	f := t.Format()
	if f == 0 {
		return finiteBlocks(t, data, first)
	}
	i := f.FirstNotFinite(data)
	if i < 0 {
		return nil
	}
	x := make([]float32, 1)
	f.Decode(x, data[i*f.Size():])
	return finite(x, first+int64(i))
}

// fits refuses finite elements that became infinite in a smaller format.
func fits(t gguf.Type, data []byte, first int64) error {
	if t == gguf.F32 {
		return nil
	}
	i := t.Format().FirstNotFinite(data)
	switch {
	case i < 0:
		return nil
	case t == gguf.F16:
		return fmt.Errorf("element %d is larger than 65504, the largest F16: use BF16 or F32 for this tensor", first+int64(i))
	default:
		return fmt.Errorf("element %d is larger than 3.39e38, the largest BF16: use F32 for this tensor", first+int64(i))
	}
}
