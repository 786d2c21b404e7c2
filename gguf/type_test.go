package gguf

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTypesAreAsGgmlHasThem holds the bits that 256 elements take, which follow from what each type's block stores.
func TestTypesAreAsGgmlHasThem(t *testing.T) {
	want := map[string]int64{
		"F64": 64 * 256, "F32": 32 * 256, "F16": 16 * 256, "BF16": 16 * 256,
		"I64": 64 * 256, "I32": 32 * 256, "I16": 16 * 256, "I8": 8 * 256,
		// blocks of 32 with a half as scale, and in some a second half
		"Q4_0": 8 * (16 + 4*32), "Q4_1": 8 * (32 + 4*32), "Q5_0": 8 * (16 + 5*32), "Q5_1": 8 * (32 + 5*32),
		"Q8_0": 8 * (16 + 8*32), "Q8_1": 8 * (32 + 8*32), "IQ4_NL": 8 * (16 + 4*32),
		// blocks with a byte, four bytes or a half as scale
		"MXFP4": 8 * (8 + 4*32), "NVFP4": 4 * (4*8 + 4*64), "Q2_0": 4 * (16 + 2*64), "Q1_0": 2 * (16 + 128),
		// blocks of 256
		"Q2_K": 2*16 + 16*8 + 2*256, "Q3_K": 16 + 12*8 + 3*256, "Q4_K": 2*16 + 12*8 + 4*256, "Q5_K": 2*16 + 12*8 + 5*256,
		"Q6_K": 16 + 16*8 + 6*256, "Q8_K": 32 + 8*256 + 16*16, "TQ1_0": 16 + 8*48 + 8*4, "TQ2_0": 16 + 2*256,
		"IQ1_S": 16 + 8*32 + 16*8, "IQ1_M": 8*32 + 8*16 + 8*8, "IQ2_XXS": 16 + 16*32, "IQ2_XS": 16 + 16*32 + 8*8,
		"IQ2_S": 16 + 8*64 + 8*16, "IQ3_XXS": 16 + 8*96, "IQ3_S": 16 + 8*64 + 8*8 + 8*32 + 8*4, "IQ4_XS": 16 + 16 + 4*8 + 4*256,
	}
	require.Len(t, Types(), len(want))
	for _, typ := range Types() {
		bytes, err := typ.RowBytes(256)
		require.NoError(t, err)
		assert.Equal(t, want[typ.String()], 8*bytes, typ.String())
	}
}

func TestNumbersOfRemovedTypesAreUnknown(t *testing.T) {
	for _, typ := range []Type{4, 5, 31, 32, 33, 36, 37, 38, 43, 1 << 31} {
		assert.Zero(t, typ.BlockSize())
		assert.Zero(t, typ.BlockBytes())
		assert.Contains(t, typ.String(), "type ")
		_, err := typ.RowBytes(256)
		assert.ErrorContains(t, err, "is unknown")
	}
}

func TestParseTypeKnowsTheNamesOfTypesOnly(t *testing.T) {
	for _, typ := range Types() {
		for _, s := range []string{typ.String(), strings.ToLower(typ.String())} {
			got, err := ParseType(s)
			require.NoError(t, err)
			require.Equal(t, typ, got)
		}
	}
	for _, s := range []string{"", "Q4_K_M", "type 31", "F17"} {
		_, err := ParseType(s)
		require.ErrorContains(t, err, "unknown tensor type")
	}
}

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	for text, want := range map[string]string{"abcdefg": "abcde", "abcd数": "abcd", "ab数d": "ab数", "数数": "数", "\xc4\xe3": "\uFFFD", "": ""} {
		assert.Equal(t, want, Text(text, 5), "%q", text)
	}
	assert.Equal(t, "", Text("数", 0))
}
