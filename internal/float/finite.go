package float

import "math"

// Finite reports whether x is neither NaN nor infinite.
func Finite[T ~float32 | ~float64](x T) bool { return x-x == 0 }

// FirstNotFinite returns the index of the first NaN or infinity, or -1 if there is none.
func FirstNotFinite(x []float32) int {
	const exponent = 0x7f800000
	// Adding one to an exponent of all ones sets the sign bit. Four at a time, for speed.
	var a, b, c, d uint32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		q := x[i : i+4 : i+4]
		a |= math.Float32bits(q[0])&exponent + 1<<23
		b |= math.Float32bits(q[1])&exponent + 1<<23
		c |= math.Float32bits(q[2])&exponent + 1<<23
		d |= math.Float32bits(q[3])&exponent + 1<<23
	}
	for _, v := range x[i:] {
		a |= math.Float32bits(v)&exponent + 1<<23
	}
	if (a|b|c|d)>>31 == 0 {
		return -1
	}
	for i, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}

// firstOnes returns the index of the first 16-bit number in which all bits of mask are set, or -1. mask is a run of bits below
// the sign. It looks at four numbers at a time: adding the mask's lowest bit carries into the sign if all bits are set.
func firstOnes(data []byte, mask uint64) int {
	const ones = 0x0001000100010001
	masks, lowest := mask*ones, (mask&-mask)*ones
	i := 0
	for ; i+8 <= len(data); i += 8 {
		v := le.Uint64(data[i:])&masks + lowest
		if v&(0x8000*ones) != 0 {
			break
		}
	}
	for ; i+2 <= len(data); i += 2 {
		if uint64(le.Uint16(data[i:]))&mask == mask {
			return i / 2
		}
	}
	return -1
}
