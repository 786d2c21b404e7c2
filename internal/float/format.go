package float

import "math"

// Format is a little-endian number format in a file.
type Format uint8

// The formats of weights. The zero value is not a format.
const (
	F32  Format = iota + 1
	F16         // IEEE 754 half
	BF16        // the upper half of an F32
	F64
)

// Size returns the bytes per number, or 0 if f is not a format.
func (f Format) Size() int {
	switch f {
	case F32:
		return 4
	case F16, BF16:
		return 2
	case F64:
		return 8
	}
	return 0
}

// Decode fills dst from the first Size·len(dst) bytes of src. F64 is rounded, and becomes infinite beyond the range of float32.
// Decode panics if f is not a format.
func (f Format) Decode(dst []float32, src []byte) {
	switch f {
	case F32:
		DecodeF32(dst, src)
	case F16:
		DecodeF16(dst, src)
	case BF16:
		DecodeBF16(dst, src)
	case F64:
		decodeF64(dst, src)
	default:
		panic("float: internal error: decoding no format")
	}
}

// Encode rounds src and writes it to the first Size·len(src) bytes of dst. It panics if f is not a format.
func (f Format) Encode(dst []byte, src []float32) {
	switch f {
	case F32:
		EncodeF32(dst, src)
	case F16:
		EncodeF16(dst, src)
	case BF16:
		EncodeBF16(dst, src)
	case F64:
		dst = dst[:8*len(src)]
		for i, v := range src {
			le.PutUint64(dst[8*i:], math.Float64bits(float64(v)))
		}
	default:
		panic("float: internal error: encoding to no format")
	}
}

// FirstNotFinite returns the index of the first NaN or infinity in src, or -1 if there is none. src holds whole numbers.
func (f Format) FirstNotFinite(src []byte) int {
	switch f {
	case F16:
		return firstOnes(src, 0x7c00)
	case BF16:
		return firstOnes(src, 0x7f80)
	}
	const most = 256
	var part [most]float32
	size := f.Size()
	for first := 0; first*size < len(src); first += most {
		x := part[:min(most, len(src)/size-first)]
		if f == F64 {
			for i := range x {
				if !Finite(math.Float64frombits(le.Uint64(src[(first+i)*8:]))) {
					return first + i
				}
			}
			continue
		}
		f.Decode(x, src[first*size:])
		if i := FirstNotFinite(x); i >= 0 {
			return first + i
		}
	}
	return -1
}
