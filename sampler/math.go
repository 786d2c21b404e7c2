package sampler

import "math"

// argmax returns the index of the largest number, or of the first one if several are equal.
func argmax(x []float32) int {
	at, largest := 0, x[0]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		if q := x[i : i+4 : i+4]; q[0] > largest || q[1] > largest || q[2] > largest || q[3] > largest {
			for j, v := range q {
				if v > largest {
					at, largest = i+j, v
				}
			}
		}
	}
	for ; i < len(x); i++ {
		if x[i] > largest {
			at, largest = i, x[i]
		}
	}
	return at
}

// steps has 2^(i/256) at index i.
var steps = func() (t [256]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / 256)
	}
	return t
}()

// exp returns e^x for x <= 0. The relative error is at most 3e-13. Results below 1e-304 are 0. It multiplies 2^(k/256), from a table, by
// a polynomial of the rest of x.
func exp(x float64) float64 {
	if x < -700 {
		return 0
	}
	const magic = 3 << 51 // adding magic rounds to a whole number k and puts k into the low bits
	shifted := x*(256/math.Ln2) + magic
	r := x - (shifted-magic)*(math.Ln2/256)
	k := math.Float64bits(shifted)
	return math.Float64frombits(math.Float64bits((1+r*(1+r*(0.5+r*(1.0/6))))*steps[k&255]) + k>>8<<52)
}
