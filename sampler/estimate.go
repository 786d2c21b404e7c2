package sampler

import "math"

const (
	// An estimated weight e^-x is the product of three table entries, one for each digit of x. A digit has this many bits.
	digit = 10
	// step is the value of one in the last digit: 2^-25.
	step = spread / float64(1<<(3*digit))
	// estimateError is how wrong an estimated weight may be, as a share of it. The estimate is the weight in the middle of a step, and
	// the ends are 1.5e-8 away.
	estimateError = 1.6e-8
	// rowError is how much more each row may change a sum of weights, as a share of all mass. Rows that are farther than spread from the
	// largest logit count as e^-32 = 1.3e-14, but their weights may be 0. The rest covers rounding.
	rowError = 2e-14
)

// slack returns how wrong the sum of some of n estimated weights may be if all add up to total. Exact weights have none.
func slack(n int, total float64, estimate bool) float64 {
	if !estimate {
		return 0
	}
	return total * (estimateError + rowError*float64(n))
}

// powers has e^-x for the three digits of x. Half a step is added to the last one.
var powers = func() (t [3][1 << digit]float64) {
	for i := range t[0] {
		x := float64(i) * step
		t[0][i], t[1][i], t[2][i] = math.Exp(-x*(1<<(2*digit))), math.Exp(-x*(1<<digit)), math.Exp(-x-step/2)
	}
	return t
}()

// stepsOf returns x in steps, given how many steps are in one. It returns the largest number of three digits for all larger ones.
func stepsOf(x, unit float64) uint {
	return uint(int(min(x*unit, 1<<(3*digit)-1)))
}

// estimated returns e^-x for x in steps.
func estimated(steps uint) float64 {
	const mask = 1<<digit - 1
	return powers[0][steps>>(2*digit)&mask] * powers[1][steps>>digit&mask] * powers[2][steps&mask]
}
