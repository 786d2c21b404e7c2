package gguf

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// Type is the format of a tensor's elements, by ggml's number for it.
type Type uint32

// The types of ggml 0.25.1. The missing numbers belonged to types that ggml has removed.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

// types holds, by number, the name of a type, the elements of its block and the bytes they take.
var types = [...]struct {
	name            string
	elements, bytes int64
}{
	F32:     {"F32", 1, 4},
	F16:     {"F16", 1, 2},
	Q4_0:    {"Q4_0", 32, 18},
	Q4_1:    {"Q4_1", 32, 20},
	Q5_0:    {"Q5_0", 32, 22},
	Q5_1:    {"Q5_1", 32, 24},
	Q8_0:    {"Q8_0", 32, 34},
	Q8_1:    {"Q8_1", 32, 36},
	Q2_K:    {"Q2_K", 256, 84},
	Q3_K:    {"Q3_K", 256, 110},
	Q4_K:    {"Q4_K", 256, 144},
	Q5_K:    {"Q5_K", 256, 176},
	Q6_K:    {"Q6_K", 256, 210},
	Q8_K:    {"Q8_K", 256, 292},
	IQ2_XXS: {"IQ2_XXS", 256, 66},
	IQ2_XS:  {"IQ2_XS", 256, 74},
	IQ3_XXS: {"IQ3_XXS", 256, 98},
	IQ1_S:   {"IQ1_S", 256, 50},
	IQ4_NL:  {"IQ4_NL", 32, 18},
	IQ3_S:   {"IQ3_S", 256, 110},
	IQ2_S:   {"IQ2_S", 256, 82},
	IQ4_XS:  {"IQ4_XS", 256, 136},
	I8:      {"I8", 1, 1},
	I16:     {"I16", 1, 2},
	I32:     {"I32", 1, 4},
	I64:     {"I64", 1, 8},
	F64:     {"F64", 1, 8},
	IQ1_M:   {"IQ1_M", 256, 56},
	BF16:    {"BF16", 1, 2},
	TQ1_0:   {"TQ1_0", 256, 54},
	TQ2_0:   {"TQ2_0", 256, 66},
	MXFP4:   {"MXFP4", 32, 17},
	NVFP4:   {"NVFP4", 64, 36},
	Q1_0:    {"Q1_0", 128, 18},
	Q2_0:    {"Q2_0", 64, 18},
}

// Types lists every known type in the order of the numbers.
func Types() []Type {
	var known []Type
	for t := range Type(len(types)) {
		if t.BlockSize() > 0 {
			known = append(known, t)
		}
	}
	return known
}

// ParseType returns the type of that name, in upper or lower case.
func ParseType(s string) (Type, error) {
	for t := range Type(len(types)) {
		if s != "" && strings.EqualFold(s, types[t].name) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown tensor type %s: types are written as F16, Q8_0 or Q4_K", excerpt.Of(s))
}

// String is the name of the type as llama.cpp prints it, such as "Q4_K".
func (t Type) String() string {
	if t.BlockSize() == 0 {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return types[t].name
}

// Format is the format of the elements of F32, F16 and BF16, the types that hold weights without blocks. It is zero for other types.
func (t Type) Format() float.Format {
	switch t {
	case F32:
		return float.F32
	case F16:
		return float.F16
	case BF16:
		return float.BF16
	}
	return 0
}

// BlockSize is the number of elements in a block. It is 0 for an unknown type.
func (t Type) BlockSize() int64 {
	if t >= Type(len(types)) {
		return 0
	}
	return types[t].elements
}

// BlockBytes is the number of bytes of a block. It is 0 for an unknown type.
func (t Type) BlockBytes() int64 {
	if t >= Type(len(types)) {
		return 0
	}
	return types[t].bytes
}

// RowBytes is the number of bytes of a row of n elements. n must be a multiple of BlockSize.
func (t Type) RowBytes(n int64) (int64, error) {
	block := t.BlockSize()
	switch {
	case block == 0:
		return 0, fmt.Errorf("tensor type %d is unknown", uint32(t))
	case n < 0:
		return 0, fmt.Errorf("a row of %d elements", n)
	case n%block != 0:
		return 0, fmt.Errorf("a row of %d elements is not a multiple of %s's block of %d", n, t, block)
	}
	bytes, ok := product(n/block, t.BlockBytes())
	if !ok {
		return 0, fmt.Errorf("a row of %d elements of %s takes more bytes than 63 bits count", n, t)
	}
	return bytes, nil
}
