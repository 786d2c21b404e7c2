// Package float converts between the floating-point formats of weights: float32, float16 (IEEE 754 half) and bfloat16. It
// converts single numbers and slices of little-endian bytes. Number is a float64 for JSON files.
//
// Conversions round to the nearest number. Halfway between two, they choose the even one. A NaN becomes a quiet NaN with the same sign and
// the upper bits of its payload. Overflow becomes infinity.
//
// Limits: the slice functions convert one element for each float32 of their float32 slice (BF16ToF16Bytes: for each element of
// the source). They panic if the other slice is too short. The slices must not overlap.
package float

import "math"

// F16ToF32 converts exactly.
func F16ToF32(h uint16) float32 {
	sign, bits := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	switch {
	case bits >= 0x7c00<<13: // infinity or NaN
		return math.Float32frombits(sign | bits | 0x7f800000)
	case bits < 0x400<<13: // zero or subnormal: 2^-14 plus the number has its bits as the mantissa
		f := math.Float32frombits(0x38800000|bits) - 0x1p-14
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (bits + 0x38000000))
}

// F32ToF16 rounds to the nearest half.
func F32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(bits>>13&0x1ff)
	case bits >= 0x47800000: // 2^16 and beyond
		return sign | 0x7c00
	case bits < 0x38800000: // below 2^-14: the last bit of the sum is the half's last bit, 2^-24, so adding rounds
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+0.5)-0x3f000000)
	default: // a carry out of the mantissa increments the exponent, as it should, up to infinity
		return sign | uint16((bits-0x38000000+0xfff+bits>>13&1)>>13)
	}
}

// bf16ToF32 converts exactly.
func bf16ToF32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// F32ToBF16 rounds to the nearest bfloat16.
func F32ToBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 { // NaN
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
