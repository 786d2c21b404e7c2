package op

import "math"

// What graphs use in place of what files hold, for rwkv.TensorSpec.Prepare.

// OneMinus is 1-x: versions 4 and 5 weigh the current token where the later ones weigh the one before.
func OneMinus(x []float32) {
	for i := range x {
		x[i] = 1 - x[i]
	}
}

// NegExp is -e^x, the logarithm of the decay.
func NegExp(x []float32) {
	for i := range x {
		x[i] = float32(-math.Exp(float64(x[i])))
	}
}

// ExpNegExp is e^(-e^x), the decay.
func ExpNegExp(x []float32) {
	for i := range x {
		x[i] = float32(math.Exp(-math.Exp(float64(x[i]))))
	}
}
