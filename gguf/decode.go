package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The limits of a header. They bound its memory, and are many times what any model needs. docs/limits.md lists them.
const (
	MaxHeader  = 256 << 20 // bytes of a header
	MaxText    = 64 << 20  // bytes of one text
	MaxItems   = 1 << 22   // texts and arrays within the arrays of a header; the largest vocabularies have 260,000 tokens
	MaxKeys    = 1 << 16
	MaxTensors = 1 << 17 // of one file, or of all parts of a model: 1,000 layers of 131
	MaxParts   = 1024
	maxNesting = 8 // how deep arrays of arrays may go
)

// decoder reads values from the header. After an error its position says nothing.
type decoder struct {
	data  []byte // of the file, as much as a header may have
	pos   int
	items int64 // texts and arrays within arrays so far
}

func (d *decoder) offset() int64 { return int64(d.pos) }
func (d *decoder) left() uint64  { return uint64(len(d.data) - d.pos) }

// short is the error of a part that claims more than is left.
func (d *decoder) short(at int64, part, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...) + fmt.Sprintf(", %d are left", d.left())
	if len(d.data) == MaxHeader {
		reason += fmt.Sprintf(" of the %d that a header may have", MaxHeader)
	}
	return &FormatError{at, part, reason}
}

// take returns the next n bytes.
func (d *decoder) take(part string, n uint64) ([]byte, error) {
	if n > d.left() {
		return nil, d.short(d.offset(), part, "wants %d bytes", n)
	}
	b := d.data[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return b, nil
}

func (d *decoder) u32(part string) (uint32, error) {
	b, err := d.take(part, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (d *decoder) u64(part string) (uint64, error) {
	b, err := d.take(part, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count checks a count that was read at an offset: so many items of at least that size must be left.
func (d *decoder) count(at int64, part string, n uint64, size int64) (int64, error) {
	if n > d.left()/uint64(size) {
		return 0, d.short(at, part, "claims %d items of %d or more bytes", n, size)
	}
	return int64(n), nil
}

// most is an error if a count that was read at an offset is more than any model has.
func most(at int64, part string, n, most int64) error {
	if n <= most {
		return nil
	}
	return &FormatError{at, part, fmt.Sprintf("is %d, %d are the most", n, most)}
}

// item counts texts and arrays within an array, which take more memory than bytes of the file.
func (d *decoder) item(at int64, part string, n int64) error {
	if n > MaxItems-d.items {
		return &FormatError{at, part, fmt.Sprintf("has %d texts or arrays, %d in all arrays of a header are the most", n, MaxItems)}
	}
	d.items += n
	return nil
}

// str reads a string of at most so many bytes.
func (d *decoder) str(part string, most uint64) (string, error) {
	at := d.offset()
	n, err := d.u64(part)
	if err != nil {
		return "", err
	}
	if n > d.left() {
		return "", d.short(at, part, "claims %d bytes", n)
	}
	if n > most {
		return "", &FormatError{at, part, fmt.Sprintf("claims %d bytes, %d are the most", n, most)}
	}
	b, err := d.take(part, n)
	return string(b), err
}

// value reads the type and the value of a key.
func (d *decoder) value(part string) (any, error) {
	at := d.offset()
	k, err := d.u32(part + " type")
	if err != nil {
		return nil, err
	}
	switch kind(k) {
	case kindArray:
		return d.array(part, 1)
	case kindString:
		return d.str(part, MaxText)
	}
	return d.scalar(part, at, kind(k))
}

// scalar reads one number or bool, as an array of one.
func (d *decoder) scalar(part string, at int64, k kind) (any, error) {
	v, err := d.elements(part, at, k, 1, 0)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case []uint8:
		return v[0], nil
	case []int8:
		return v[0], nil
	case []uint16:
		return v[0], nil
	case []int16:
		return v[0], nil
	case []uint32:
		return v[0], nil
	case []int32:
		return v[0], nil
	case []float32:
		return v[0], nil
	case []bool:
		return v[0], nil
	case []uint64:
		return v[0], nil
	case []int64:
		return v[0], nil
	case []float64:
		return v[0], nil
	}
	return nil, unknownKind(at, part, k)
}

func (d *decoder) array(part string, depth int) (any, error) {
	at := d.offset()
	k, err := d.u32(part + " element type")
	if err != nil {
		return nil, err
	}
	n, err := d.u64(part + " length")
	if err != nil {
		return nil, err
	}
	if kind(k) >= kind(len(leastBytes)) {
		return nil, unknownKind(at, part, kind(k))
	}
	count, err := d.count(at+4, part+" length", n, leastBytes[k])
	if err != nil {
		return nil, err
	}
	return d.elements(part, at, kind(k), count, depth)
}

func unknownKind(at int64, part string, k kind) error {
	return &FormatError{at, part, fmt.Sprintf("has unknown value type %d, want 0 to %d", uint32(k), len(leastBytes)-1)}
}

// elements reads n values of one type, which was read at an offset.
func (d *decoder) elements(part string, at int64, k kind, n int64, depth int) (any, error) {
	if k == kindString || k == kindArray {
		if err := d.item(at, part, n); err != nil {
			return nil, err
		}
	}
	switch k {
	case kindString:
		return d.strings(part, n)
	case kindBool:
		return d.bools(part, n)
	case kindArray:
		return d.arrays(part, at, n, depth)
	}
	if k >= kind(len(leastBytes)) {
		return nil, unknownKind(at, part, k)
	}
	b, err := d.take(part, uint64(n*leastBytes[k]))
	if err != nil {
		return nil, err
	}
	return numbers(k, b), nil
}

// numbers decodes the bytes of numbers of one type.
func numbers(k kind, b []byte) any {
	le := binary.LittleEndian
	switch k {
	case kindUint8:
		return each(b, 1, func(b []byte) uint8 { return b[0] })
	case kindInt8:
		return each(b, 1, func(b []byte) int8 { return int8(b[0]) })
	case kindUint16:
		return each(b, 2, le.Uint16)
	case kindInt16:
		return each(b, 2, func(b []byte) int16 { return int16(le.Uint16(b)) })
	case kindUint32:
		return each(b, 4, le.Uint32)
	case kindInt32:
		return each(b, 4, func(b []byte) int32 { return int32(le.Uint32(b)) })
	case kindFloat32:
		return each(b, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case kindUint64:
		return each(b, 8, le.Uint64)
	case kindInt64:
		return each(b, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })
	default: // kindFloat64
		return each(b, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })
	}
}

func each[T any](b []byte, size int, decode func([]byte) T) []T {
	values := make([]T, len(b)/size)
	for i := range values {
		values[i] = decode(b[i*size:])
	}
	return values
}

func (d *decoder) bools(part string, n int64) ([]bool, error) {
	at := d.offset()
	b, err := d.take(part, uint64(n))
	if err != nil {
		return nil, err
	}
	values := make([]bool, n)
	for i, x := range b {
		if x > 1 {
			return nil, &FormatError{at + int64(i), part, fmt.Sprintf("holds a bool of %d, want 0 or 1", x)}
		}
		values[i] = x == 1
	}
	return values, nil
}

// strings reads n strings. Their lengths are walked first, so that nothing is allocated for a count that is not true,
// and they share one copy of their bytes, since a vocabulary has tens of thousands of them.
func (d *decoder) strings(part string, n int64) ([]string, error) {
	start := d.pos
	for i := range n {
		at := d.offset()
		length, err := d.u64(part)
		if err != nil {
			return nil, err
		}
		if length > d.left() {
			return nil, d.short(at, part, "string %d claims %d bytes", i, length)
		}
		d.pos += int(length)
	}
	lengths, text := d.data[start:d.pos], string(d.data[start:d.pos])
	values := make([]string, n)
	for i, pos := 0, 0; i < len(values); i++ {
		end := pos + 8 + int(binary.LittleEndian.Uint64(lengths[pos:]))
		values[i] = text[pos+8 : end]
		pos = end
	}
	return values, nil
}

func (d *decoder) arrays(part string, at, n int64, depth int) (any, error) {
	if depth >= maxNesting {
		return nil, &FormatError{at, part, fmt.Sprintf("nests arrays more than %d deep", maxNesting)}
	}
	values := []any{}
	for range n {
		v, err := d.array(part, depth+1)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
