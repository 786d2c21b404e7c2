package quant

import (
	"encoding/binary"
	"fmt"

	"github.com/gosling-rwkv/gosling/gguf"
)

// scales says where the blocks of each type keep their scales, as offsets of F16 numbers (ggml-common.h).
var scales = map[gguf.Type][]int{
	gguf.Q4_0: {0}, gguf.Q4_1: {0, 2}, gguf.Q5_0: {0}, gguf.Q5_1: {0, 2}, gguf.Q8_0: {0},
	gguf.Q2_K: {80, 82}, gguf.Q3_K: {108}, gguf.Q4_K: {0, 2}, gguf.Q5_K: {0, 2}, gguf.Q6_K: {208},
	gguf.IQ1_S: {0}, gguf.IQ2_XXS: {0}, gguf.IQ2_XS: {0}, gguf.IQ2_S: {0}, gguf.IQ3_XXS: {0}, gguf.IQ3_S: {0},
	gguf.IQ4_NL: {0}, gguf.IQ4_XS: {0}, gguf.TQ1_0: {52}, gguf.TQ2_0: {64},
}

// badBlock is the index of the first block whose scales are not finite, or -1. Elements of other blocks are finite: a scale of at
// most 65504 times small integers. Types that ggml does not write are taken as they are.
func badBlock(t gguf.Type, data []byte) int {
	switch t {
	case gguf.IQ1_M:
		return firstBlock(t, data, badIQ1M)
	case gguf.MXFP4:
		// The scale is 2 to the power of this byte less 128, and elements are up to 12 times that.
		return firstBlock(t, data, func(block []byte) bool { return block[0] > 252 })
	}
	size := int(t.BlockBytes())
	for _, at := range scales[t] {
		for i := at; i < len(data); i += size {
			if data[i+1]&0x7c == 0x7c {
				return i / size
			}
		}
	}
	return -1
}

// badIQ1M looks at the scale of an IQ1_M block: an F16 number of which four numbers keep four bits each, their highest.
func badIQ1M(block []byte) bool {
	return binary.LittleEndian.Uint16(block[54:])>>12&7 == 7 && binary.LittleEndian.Uint16(block[52:])>>14 == 3
}

// firstBlock is the index of the first block that is bad, or -1.
func firstBlock(t gguf.Type, data []byte, bad func([]byte) bool) int {
	size := int(t.BlockBytes())
	for i := 0; i < len(data); i += size {
		if bad(data[i : i+size]) {
			return i / size
		}
	}
	return -1
}

// finiteBlocks refuses blocks of weights, which were read as they are, whose scales are not finite.
func finiteBlocks(t gguf.Type, data []byte, first int64) error {
	if i := badBlock(t, data); i >= 0 {
		return fmt.Errorf("the scale of the block at element %d is not finite: the weights are damaged", first+int64(i)*t.BlockSize())
	}
	return nil
}

// fitBlocks refuses blocks that ggml made of x if their scales overflowed.
func fitBlocks(t gguf.Type, data []byte, x []float32, first int64, weighted bool) error {
	i := badBlock(t, data)
	if i < 0 {
		return nil
	}
	n := int(t.BlockSize())
	largest := float32(0)
	for _, v := range x[i*n : (i+1)*n] {
		largest = max(largest, v, -v)
	}
	cause := ""
	if weighted {
		cause = ", or its importance does"
	}
	return fmt.Errorf("elements %d to %d, up to %.4g, overflow the scale of a %s block%s: use BF16 or F32 for this tensor",
		first+int64(i*n), first+int64((i+1)*n)-1, largest, t, cause)
}
