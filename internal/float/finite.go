package float

import "math"

// FirstNotFinite returns the index of the first NaN or infinity, -1 if there is none.
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
