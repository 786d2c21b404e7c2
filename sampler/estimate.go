package sampler

import "math"

const (
	// An estimated weight e^-x is the product of three table entries, one for each digit of x. A digit has this many bits.
	digit = 10
	// step is the value of one in the last digit: 2^-25.
	step = spread / float64(1<<(3*digit))
	// estimateError is the largest relative error of an estimated weight. The estimate is the weight in the middle of a step. The
	// relative distance to the weights at the ends of the step is 1.5e-8.
	estimateError = 1.6e-8
	// rowError is a further error that each row may add to a sum of weights, relative to the mass of all rows. A row whose logit is more
	// than spread below the largest logit gets the weight e^-32 = 1.3e-14, but its exact weight may be 0. The rest covers rounding.
	rowError = 2e-14
)

// slack returns the largest error of a sum of some of n estimated weights. total is the sum of all of them. For exact weights it returns 0.
func slack(n int, total float64, estimate bool) float64 {
	if !estimate {
		return 0
	}
	return total * (estimateError + rowError*float64(n))
}

// powers has e^-x for each value of the three digits of x. The table of the last digit adds half a step to x.
var powers = func() (t [3][1 << digit]float64) {
	for i := range t[0] {
		x := float64(i) * step
		t[0][i], t[1][i], t[2][i] = math.Exp(-x*(1<<(2*digit))), math.Exp(-x*(1<<digit)), math.Exp(-x-step/2)
	}
	return t
}()

// stepsOf returns x as a number of steps. unit is the number of steps in 1. The result is at most the largest number of three digits.
func stepsOf(x, unit float64) uint {
	return uint(int(min(x*unit, 1<<(3*digit)-1)))
}

// estimated returns an estimate of e^-x, where x is a number of steps.
func estimated(steps uint) float64 {
	const mask = 1<<digit - 1
	return powers[0][steps>>(2*digit)&mask] * powers[1][steps>>digit&mask] * powers[2][steps&mask]
}
