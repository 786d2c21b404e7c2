package op

import "math"

// Functions for rwkv.TensorSpec.Prepare. They compute what graphs use from what files contain.

// OneMinus replaces x by 1-x: versions 4 and 5 weigh the current token, later versions the previous one.
func OneMinus(x []float32) {
	for i := range x {
		x[i] = 1 - x[i]
	}
}

// NegExp replaces x by -e^x, the logarithm of the decay.
func NegExp(x []float32) {
	for i := range x {
		x[i] = float32(-math.Exp(float64(x[i])))
	}
}

// ExpNegExp replaces x by e^(-e^x), the decay.
func ExpNegExp(x []float32) {
	for i := range x {
		x[i] = float32(math.Exp(-math.Exp(float64(x[i]))))
	}
}
