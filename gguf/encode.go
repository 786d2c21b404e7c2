package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encoder appends values to a header.
type encoder struct{ buf []byte }

func (e *encoder) u32(v uint32) { e.buf = binary.LittleEndian.AppendUint32(e.buf, v) }
func (e *encoder) u64(v uint64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }

func (e *encoder) str(s string) {
	e.u64(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

// value appends the type and the value of a key.
func (e *encoder) value(v any) error {
	k, ok := scalarKind(v)
	if !ok {
		e.u32(uint32(kindArray))
		return e.array(v, 1)
	}
	e.u32(uint32(k))
	e.scalar(v)
	return nil
}

// scalarKind returns the type of a value that is not an array.
func scalarKind(v any) (kind, bool) {
	switch v.(type) {
	case uint8:
		return kindUint8, true
	case int8:
		return kindInt8, true
	case uint16:
		return kindUint16, true
	case int16:
		return kindInt16, true
	case uint32:
		return kindUint32, true
	case int32:
		return kindInt32, true
	case float32:
		return kindFloat32, true
	case bool:
		return kindBool, true
	case string:
		return kindString, true
	case uint64:
		return kindUint64, true
	case int64:
		return kindInt64, true
	case float64:
		return kindFloat64, true
	}
	return 0, false
}

func (e *encoder) scalar(v any) {
	switch v := v.(type) {
	case uint8:
		e.buf = append(e.buf, v)
	case int8:
		e.buf = append(e.buf, uint8(v))
	case uint16:
		e.buf = binary.LittleEndian.AppendUint16(e.buf, v)
	case int16:
		e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(v))
	case uint32:
		e.u32(v)
	case int32:
		e.u32(uint32(v))
	case float32:
		e.u32(math.Float32bits(v))
	case bool:
		b := byte(0)
		if v {
			b = 1
		}
		e.buf = append(e.buf, b)
	case string:
		e.str(v)
	case uint64:
		e.u64(v)
	case int64:
		e.u64(uint64(v))
	case float64:
		e.u64(math.Float64bits(v))
	}
}

// array appends the element type, the length and the elements of an array.
func (e *encoder) array(v any, depth int) error {
	switch v := v.(type) {
	case []uint8:
		elements(e, v)
	case []int8:
		elements(e, v)
	case []uint16:
		elements(e, v)
	case []int16:
		elements(e, v)
	case []uint32:
		elements(e, v)
	case []int32:
		elements(e, v)
	case []float32:
		elements(e, v)
	case []bool:
		elements(e, v)
	case []string:
		elements(e, v)
	case []uint64:
		elements(e, v)
	case []int64:
		elements(e, v)
	case []float64:
		elements(e, v)
	case []any:
		return e.arrays(v, depth)
	default:
		return fmt.Errorf("holds a %T, which GGUF has no type for", v)
	}
	return nil
}

func elements[T any](e *encoder, values []T) {
	var zero T
	k, _ := scalarKind(zero)
	e.u32(uint32(k))
	e.u64(uint64(len(values)))
	for _, v := range values {
		e.scalar(v)
	}
}

func (e *encoder) arrays(values []any, depth int) error {
	if depth >= maxNesting {
		return fmt.Errorf("nests arrays more than %d deep", maxNesting)
	}
	e.u32(uint32(kindArray))
	e.u64(uint64(len(values)))
	for _, v := range values {
		if err := e.array(v, depth+1); err != nil {
			return err
		}
	}
	return nil
}
