package ggml

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"unsafe"

	"github.com/gosling-rwkv/gosling/gguf"
)

// quantizers keeps what is set up once per type.
type quantizers struct {
	mu       sync.Mutex
	toFloats map[gguf.Type]func(x, y unsafe.Pointer, k int64)
	tables   map[gguf.Type]bool // are made
}

// tableBytes is more than what ggml takes for the tables that it makes when it first quantizes to a type.
const tableBytes = 32 << 20

// makeTables returns a memoryError if there is no room for the tables of a type.
func (l *Library) makeTables(t gguf.Type) error {
	q := &l.quants
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.tables[t] {
		return nil
	}
	if err := room(tableBytes, "the tables of "+t.String()); err != nil {
		return err
	}
	l.c.QuantizeInit(int32(t))
	if q.tables == nil {
		q.tables = map[gguf.Type]bool{}
	}
	q.tables[t] = true
	return nil
}

// written are the types that ggml can quantize to.
var written = map[gguf.Type]bool{
	gguf.Q4_0: true, gguf.Q4_1: true, gguf.Q5_0: true, gguf.Q5_1: true, gguf.Q8_0: true,
	gguf.Q2_K: true, gguf.Q3_K: true, gguf.Q4_K: true, gguf.Q5_K: true, gguf.Q6_K: true,
	gguf.IQ4_NL: true, gguf.IQ4_XS: true, gguf.TQ1_0: true, gguf.TQ2_0: true, gguf.MXFP4: true,
	gguf.IQ1_S: true, gguf.IQ1_M: true, gguf.IQ2_XXS: true, gguf.IQ2_XS: true, gguf.IQ2_S: true, gguf.IQ3_XXS: true, gguf.IQ3_S: true,
}

// Multiplies reports whether ggml can multiply with matrices of the type and get rows of them. For other types, such as integers and the
// types of rounded activations, ggml would abort.
func Multiplies(t gguf.Type) bool {
	return written[t] || t.Format() != 0
}

// maxElement is beyond what the scales of any type's blocks hold, but those of MXFP4. Of larger elements ggml computes squares
// that are not finite, on which it aborts for some types.
const maxElement = 1e9

// RangeError reports an element that no block of the type can hold.
type RangeError struct {
	Index int // of the element
	Value float32
	typ   gguf.Type
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("element %d is %.4g, more than a block of %s can hold", e.Index, e.Value, e.typ)
}

// inRange returns a *RangeError for the first element that blocks of the type cannot hold.
func inRange(t gguf.Type, x []float32) error {
	most := float32(maxElement)
	if t == gguf.MXFP4 {
		most = math.MaxFloat32
	}
	for i, v := range x {
		if !(v <= most && v >= -most) {
			return &RangeError{i, v, t}
		}
	}
	return nil
}

// Quantize writes whole rows of src, rowLen elements each, to dst in type t. importance has a weight for each element of a row, or is nil.
// Many goroutines may call it at once. An element that is not finite or too large gives a *RangeError. A smaller element may still
// overflow the scale of a block. Quantize does not check that.
func (l *Library) Quantize(t gguf.Type, dst []byte, src []float32, rowLen int64, importance []float32) error {
	if f := t.Format(); f != 0 {
		if n := len(src) * f.Size(); n != len(dst) {
			return fmt.Errorf("%d elements of %s take %d bytes, not %d", len(src), t, n, len(dst))
		}
		f.Encode(dst, src)
		return nil
	}
	if !written[t] {
		return fmt.Errorf("ggml %s cannot quantize to %s", l.Version(), t)
	}
	rowBytes, err := t.RowBytes(rowLen)
	if err != nil {
		return err
	}
	if rowLen <= 0 || int64(len(src))%rowLen != 0 {
		return fmt.Errorf("%d elements are not whole rows of %d", len(src), rowLen)
	}
	rows := int64(len(src)) / rowLen
	if int64(len(dst)) != rows*rowBytes {
		return fmt.Errorf("%d rows of %s take %d bytes, not %d", rows, t, rows*rowBytes, len(dst))
	}
	if importance == nil && l.c.QuantizeRequiresImatrix(int32(t)) {
		return fmt.Errorf("%s needs an importance matrix", t)
	}
	if importance != nil && int64(len(importance)) != rowLen {
		return fmt.Errorf("an importance matrix of %d elements for rows of %d", len(importance), rowLen)
	}
	for channel, w := range importance {
		if !(w > 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("the importance of channel %d is %v: want positive numbers", channel, w)
		}
	}
	if err := inRange(t, src); err != nil || rows == 0 {
		return err
	}
	if err := l.makeTables(t); err != nil {
		return err
	}
	l.c.QuantizeChunk(int32(t), unsafe.Pointer(&src[0]), unsafe.Pointer(&dst[0]), 0, rows, rowLen, unsafe.Pointer(unsafe.SliceData(importance)))
	return nil
}

// Dequantize decodes src, blocks of type t, and writes the elements to dst. Many goroutines may call it at once.
func (l *Library) Dequantize(t gguf.Type, dst []float32, src []byte) error {
	n, err := t.RowBytes(int64(len(dst)))
	if err != nil {
		return err
	}
	if n != int64(len(src)) {
		return fmt.Errorf("%d elements of %s take %d bytes, not %d", len(dst), t, n, len(src))
	}
	if f := t.Format(); f != 0 {
		f.Decode(dst, src)
		return nil
	}
	f, err := l.toFloat(t)
	if err != nil || len(dst) == 0 {
		return err
	}
	f(unsafe.Pointer(&src[0]), unsafe.Pointer(&dst[0]), int64(len(dst)))
	return nil
}

func (l *Library) toFloat(t gguf.Type) (func(x, y unsafe.Pointer, k int64), error) {
	q := &l.quants
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.toFloats[t]; f != nil {
		return f, nil
	}
	name := t.String()
	if base, ok := strings.CutSuffix(name, "_K"); ok {
		name = strings.ToLower(base) + "_K"
	} else {
		name = strings.ToLower(name)
	}
	f, ok := l.c.Dequantizer(name)
	if !ok || l.c.BlockSize(int32(t)) != t.BlockSize() {
		return nil, fmt.Errorf("ggml %s cannot read %s", l.Version(), t)
	}
	if q.toFloats == nil {
		q.toFloats = map[gguf.Type]func(x, y unsafe.Pointer, k int64){}
	}
	q.toFloats[t] = f
	return f, nil
}
