package rwkvcpp

// Blocks of 256 elements, in groups that have a scale, and in Q4_K and Q5_K a minimum, of their own.

// scaleMin unpacks the six bits of scale and of minimum of group j out of 12 bytes.
func scaleMin(packed []byte, j int) (scale, minimum float32) {
	if j < 4 {
		return float32(packed[j] & 63), float32(packed[j+4] & 63)
	}
	return float32(packed[j+4]&15 | packed[j-4]>>6<<4), float32(packed[j+4]>>4 | packed[j]>>6<<4)
}

func q4k(dst []float32, b []byte) { groups(dst, b, nil, b[16:]) }
func q5k(dst []float32, b []byte) { groups(dst, b, b[16:48], b[48:]) }

// groups decodes eight groups of 32: low bits from packed, fifth bits from high where there are any.
func groups(dst []float32, b, high, packed []byte) {
	d, dmin := half(b), half(b[2:])
	for j := range 8 {
		scale, minimum := scaleMin(b[4:16], j)
		scale, minimum = scale*d, minimum*dmin
		for i := range 32 {
			q := packed[32*(j/2)+i] >> (4 * (j % 2)) & 15
			if high != nil {
				q |= high[i] >> j & 1 << 4
			}
			dst[32*j+i] = float32(scale*float32(q)) - minimum
		}
	}
}

// q6k decodes sixteen groups of 16: four low bits, two high bits, scales in eight bits, no minimum.
func q6k(dst []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range dst {
		part, quarter, l := i/128, i%128/32, i%32
		q := low[64*part+32*(quarter%2)+l] >> (4 * (quarter / 2)) & 15
		q |= high[32*part+l] >> (2 * quarter) & 3 << 4
		dst[i] = d * float32(int8(scales[8*part+2*quarter+l/16])) * float32(int(q)-32)
	}
}
