package gguf

import (
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// KV is one entry of a file's metadata. Value is a uint8, uint16, uint32, uint64, int8, int16, int32, int64, float32,
// float64, bool or string, or a slice of one of these; an array of arrays is an []any of slices.
type KV struct {
	Key   string
	Value any
}

// Text returns s as a text of the format. Bytes that are not UTF-8 become U+FFFD. A text longer than
// most bytes is cut to at most that many, between two characters.
func Text(s string, most int) string {
	return excerpt.Cut(strings.ToValidUTF8(s, "\uFFFD"), most)
}

// kind is the number of a metadata type in the file.
type kind uint32

const (
	kindUint8 kind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

// leastBytes is the fewest bytes of one value of each kind.
var leastBytes = [...]int64{
	kindUint8:   1,
	kindInt8:    1,
	kindUint16:  2,
	kindInt16:   2,
	kindUint32:  4,
	kindInt32:   4,
	kindFloat32: 4,
	kindBool:    1,
	kindString:  8,
	kindArray:   12,
	kindUint64:  8,
	kindInt64:   8,
	kindFloat64: 8,
}

// Unsigned returns the value of an integer of any type. For a negative integer, and for any other value, it reports false.
func Unsigned(v any) (uint64, bool) {
	signed := int64(-1)
	switch v := v.(type) {
	case uint8:
		return uint64(v), true
	case uint16:
		return uint64(v), true
	case uint32:
		return uint64(v), true
	case uint64:
		return v, true
	case int8:
		signed = int64(v)
	case int16:
		signed = int64(v)
	case int32:
		signed = int64(v)
	case int64:
		signed = v
	}
	return uint64(max(signed, 0)), signed >= 0
}
