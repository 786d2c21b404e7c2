package float

import (
	"encoding/binary"
	"math"
	"sync"
)

var le = binary.LittleEndian

// DecodeF32 fills dst from the first 4·len(dst) bytes of src.
func DecodeF32(dst []float32, src []byte) {
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
	}
}

// DecodeF16 fills dst from the first 2·len(dst) bytes of src.
func DecodeF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for len(dst) >= 4 && len(src) >= 8 { // the second condition follows from the first, but the compiler needs it
		v := le.Uint64(src)
		dst[0], dst[1], dst[2], dst[3] = F16ToF32(uint16(v)), F16ToF32(uint16(v>>16)), F16ToF32(uint16(v>>32)), F16ToF32(uint16(v>>48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = F16ToF32(le.Uint16(src[2*i:]))
	}
}

// DecodeBF16 fills dst from the first 2·len(dst) bytes of src.
func DecodeBF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = bf16ToF32(le.Uint16(src[2*i:]))
	}
}

// decodeF64 fills dst from the first 8·len(dst) bytes of src, rounded. Numbers beyond the range of float32 become infinite.
func decodeF64(dst []float32, src []byte) {
	src = src[:8*len(dst)]
	for i := range dst {
		dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
	}
}

// EncodeF32 writes src to the first 4·len(src) bytes of dst.
func EncodeF32(dst []byte, src []float32) {
	dst = dst[:4*len(src)]
	for i, f := range src {
		le.PutUint32(dst[4*i:], math.Float32bits(f))
	}
}

// EncodeF16 rounds src and writes it to the first 2·len(src) bytes of dst.
func EncodeF16(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, f := range src {
		le.PutUint16(dst[2*i:], F32ToF16(f))
	}
}

// EncodeBF16 rounds src and writes it to the first 2·len(src) bytes of dst.
func EncodeBF16(dst []byte, src []float32) {
	dst = dst[:2*len(src)]
	for i, f := range src {
		le.PutUint16(dst[2*i:], F32ToBF16(f))
	}
}

// halves maps every bfloat16 to a half.
var halves = sync.OnceValue(func() *[1 << 16]uint16 {
	table := new([1 << 16]uint16)
	for b := range table {
		table[b] = F32ToF16(bf16ToF32(uint16(b)))
	}
	return table
})

// BF16ToF16Bytes converts the bfloat16 numbers of src to halves in the first len(src) bytes of dst. len(src) must be even. Most
// numbers convert exactly: a half has a longer mantissa but a smaller range.
func BF16ToF16Bytes(dst, src []byte) {
	table := halves()
	dst = dst[:len(src)]
	i := 0
	for ; i+8 <= len(src); i += 8 { // four per step, which is twice as fast
		v := le.Uint64(src[i:])
		le.PutUint64(dst[i:], uint64(table[uint16(v)])|uint64(table[uint16(v>>16)])<<16|
			uint64(table[uint16(v>>32)])<<32|uint64(table[uint16(v>>48)])<<48)
	}
	for ; i+1 < len(src); i += 2 {
		le.PutUint16(dst[i:], table[le.Uint16(src[i:])])
	}
}
