package quant

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// coder turns elements of one type into another.
type coder struct {
	quantizer Quantizer // nil where no quantized type occurs
	measure   bool
	weights   [][]float32 // of each source's channels; nil entries for all alike
	without   []string    // tensors that an importance matrix lacks
}

// newCoder opens the quantizer if one is needed and refuses types that it cannot write well.
func newCoder(sources []Source, o Options) (*coder, error) {
	weights, without, err := o.Importance.weights(sources)
	if err != nil {
		return nil, err
	}
	c := &coder{measure: o.Measure, weights: weights, without: without}
	i := slices.IndexFunc(sources, Source.needsQuantizer)
	if i < 0 {
		return c, nil
	}
	if o.Quantizer == nil {
		return nil, fmt.Errorf("tensor %q: %s needs ggml, which is not open", sources[i].Tensor.Name, sources[i].Tensor.Type)
	}
	c.quantizer, err = o.Quantizer()
	return c, err
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
func (c *coder) convert(s Source, p piece, b *buffers) (out []byte, squares float64, err error) {
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
			if err := fitsF16(out, p.first); err != nil {
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
	if err := c.encode(to, out, x, p); err != nil {
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
	switch t {
	case gguf.F32:
		float.DecodeF32(x, data)
	case gguf.F16:
		float.DecodeF16(x, data)
	case gguf.BF16:
		float.DecodeBF16(x, data)
	default:
		return c.quantizer.Dequantize(t, x, data)
	}
	return nil
}

func (c *coder) encode(t gguf.Type, out []byte, x []float32, p piece) error {
	switch t {
	case gguf.F32:
		float.EncodeF32(out, x)
	case gguf.F16:
		float.EncodeF16(out, x)
		return fitsF16(out, p.first)
	case gguf.BF16:
		float.EncodeBF16(out, x)
		return fitsBF16(out, p.first)
	default:
		weights := c.weights[p.source]
		var large *ggml.RangeError
		if err := c.quantizer.Quantize(t, out, x, p.rowElements, weights); errors.As(err, &large) {
			return fmt.Errorf("element %d is %.4g, more than a block of %s can hold: use BF16 or F32 for this tensor", p.first+int64(large.Index), large.Value, t)
		} else if err != nil {
			return err
		}
		return fitBlocks(t, out, x, p.first, weights != nil)
	}
	return nil
}

// finite refuses numbers that no model computes with.
func finite(x []float32, first int64) error {
	for i, v := range x {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return fmt.Errorf("element %d is %v: the weights are damaged", first+int64(i), v)
		}
	}
	return nil
}

// finiteBytes is finite for elements in their bytes; of quantized ones the scales are looked at.
func finiteBytes(t gguf.Type, data []byte, first int64) error {
	var mask uint64
	switch t {
	case gguf.F32:
		x := make([]float32, 256)
		for at := 0; at < len(data); at += 1024 {
			part := data[at:min(at+1024, len(data))]
			float.DecodeF32(x[:len(part)/4], part)
			if err := finite(x[:len(part)/4], first+int64(at/4)); err != nil {
				return err
			}
		}
		return nil
	case gguf.F16:
		mask = 0x7c00
	case gguf.BF16:
		mask = 0x7f80
	default:
		return finiteBlocks(t, data, first)
	}
	if i := firstTop(data, mask); i >= 0 {
		return fmt.Errorf("element %d is not finite: the weights are damaged", first+int64(i))
	}
	return nil
}

// fitsF16 refuses what became infinite in F16.
func fitsF16(data []byte, first int64) error {
	if i := firstTop(data, 0x7c00); i >= 0 {
		return fmt.Errorf("element %d is larger than 65504, the largest F16: use BF16 or F32 for this tensor", first+int64(i))
	}
	return nil
}

// fitsBF16 refuses what was rounded up to infinity in BF16.
func fitsBF16(data []byte, first int64) error {
	if i := firstTop(data, 0x7f80); i >= 0 {
		return fmt.Errorf("element %d is larger than 3.39e38, the largest BF16: use F32 for this tensor", first+int64(i))
	}
	return nil
}

// firstTop is the index of the first 16-bit number that has all bits of mask, a run of bits below the sign, or -1. Four are
// looked at in a step: adding the mask's lowest bit carries into the sign where all bits are set.
func firstTop(data []byte, mask uint64) int {
	const ones = 0x0001000100010001
	masks, lowest := mask*ones, (mask&-mask)*ones
	i := 0
	for ; i+8 <= len(data); i += 8 {
		v := binary.LittleEndian.Uint64(data[i:])&masks + lowest
		if v&(0x8000*ones) != 0 {
			break
		}
	}
	for ; i+2 <= len(data); i += 2 {
		if uint64(binary.LittleEndian.Uint16(data[i:]))&mask == mask {
			return i / 2
		}
	}
	return -1
}
