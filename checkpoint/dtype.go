package checkpoint

import "github.com/gosling-rwkv/gosling/internal/float"

// DType is the type of a tensor's elements, as PyTorch defines it.
type DType uint8

// The element types that a PyTorch file may hold. RWKV weights are F32, F16, BF16 or F64; the others are known so that
// an error can name them.
const (
	F32 DType = iota + 1
	F16
	BF16
	F64
	I64
	I32
	I16
	I8
	U8
	Bool
	U16
	U32
	U64
	F8E4M3
	F8E5M2
	C64  // complex: two F32
	C128 // complex: two F64
)

var dtypes = [...]struct {
	name string
	size int64
}{
	0:    {"unknown", 0},
	F32:  {"F32", 4},
	F16:  {"F16", 2},
	BF16: {"BF16", 2},
	F64:  {"F64", 8},
	I64:  {"I64", 8},
	I32:  {"I32", 4},
	I16:  {"I16", 2},
	I8:   {"I8", 1},
	U8:   {"U8", 1},
	Bool: {"Bool", 1},

	U16:    {"U16", 2},
	U32:    {"U32", 4},
	U64:    {"U64", 8},
	F8E4M3: {"F8_E4M3", 1},
	F8E5M2: {"F8_E5M2", 1},
	C64:    {"C64", 8},
	C128:   {"C128", 16},
}

// String is the name of the type, such as "BF16", or "unknown".
func (d DType) String() string {
	if int(d) >= len(dtypes) {
		d = 0
	}
	return dtypes[d].name
}

// Size is the number of bytes of an element, 0 for an unknown type.
func (d DType) Size() int64 {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].size
}

// IsWeights reports whether ReadFloats reads elements of the type.
func (d DType) IsWeights() bool { return d.Format() != 0 }

// Format is the format of the elements of F32, F16, BF16 and F64, the types that weights have. It is zero for other types.
func (d DType) Format() float.Format {
	switch d {
	case F32:
		return float.F32
	case F16:
		return float.F16
	case BF16:
		return float.BF16
	case F64:
		return float.F64
	}
	return 0
}
