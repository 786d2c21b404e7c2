package sampler

import "math"

// firstNotFinite returns the index of the first NaN or infinity, -1 if there is none.
func firstNotFinite(x []float32) int {
	const exponent = 0x7f800000
	// Adding one to an exponent of all ones sets the sign bit; four sums at a time, for speed.
	var a, b, c, d uint32
	rest := x
	for ; len(rest) >= 4; rest = rest[4:] {
		a |= math.Float32bits(rest[0])&exponent + 1<<23
		b |= math.Float32bits(rest[1])&exponent + 1<<23
		c |= math.Float32bits(rest[2])&exponent + 1<<23
		d |= math.Float32bits(rest[3])&exponent + 1<<23
	}
	for _, v := range rest {
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

// argmax returns the index of the first of the largest.
func argmax(x []float32) int {
	at, largest := 0, x[0]
	for i, v := range x {
		if v > largest {
			at, largest = i, v
		}
	}
	return at
}

// expAll sets dst to e^(x - largest) and returns the sum.
func expAll(dst []float64, x []float32, largest float32) float64 {
	dst = dst[:len(x)]
	var total float64
	for i, v := range x {
		e := exp(float64(v) - float64(largest))
		dst[i] = e
		total += e
	}
	return total
}

// steps are 2^(i/256).
var steps = func() (t [256]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / 256)
	}
	return t
}()

// exp returns e^x for x <= 0, within 3e-13 of it, relatively: 2^(k/256) from a table times a polynomial for what is left of x. Results
// below 1e-304 are 0.
func exp(x float64) float64 {
	if !(x > -700) {
		return 0
	}
	const (
		magic = 3 << 51 // adding it rounds to a whole number and leaves that in the low bits
		high  = math.Ln2 / 256
	)
	shifted := x*(256/math.Ln2) + magic
	k := int64(math.Float64bits(shifted)) - int64(math.Float64bits(magic))
	r := x - (shifted-magic)*high
	p := 1 + r*(1+r*(0.5+r*(1.0/6)))
	return math.Float64frombits(math.Float64bits(p*steps[k&255]) + uint64(k>>8)<<52)
}
