package sampler

import "math"

const (
	// An estimated weight is the product of three table entries. Each takes digit bits of the distance to the largest logit.
	digit = 10
	// step is the distance that one in the last digit stands for: 2^-25.
	step = spread / float64(1<<(3*digit))
	// estimateError is how wrong an estimated weight may be, as a share of it. It belongs to the middle of a step, which is at most
	// step/2 = 1.5e-8 away.
	estimateError = 1.6e-8
	// rowError is how wrong each row may make a sum of estimated weights, as a share of all mass. The weight of a row that is farther
	// than spread below the largest logit counts as e^-32 = 1.3e-14 and may be 0. The rest is for rounding.
	rowError = 2e-14
)

// powers[0] has e^-x for the first digit of x, powers[1] for the second, powers[2] for the third and half a step.
var powers = func() (t [3][1 << digit]float64) {
	for i := range t[0] {
		x := float64(i) * step
		t[0][i], t[1][i], t[2][i] = math.Exp(-x*(1<<(2*digit))), math.Exp(-x*(1<<digit)), math.Exp(-x-step/2)
	}
	return t
}()

// stepsOf returns a distance in steps, given how many a unit has. Distances of more than spread count as spread.
func stepsOf(below, unit float64) uint {
	return uint(int(min(below*unit, 1<<(3*digit)-1)))
}

// estimated returns e^-x for x in steps.
func estimated(steps uint) float64 {
	const mask = 1<<digit - 1
	return powers[0][steps>>(2*digit)&mask] * powers[1][steps>>digit&mask] * powers[2][steps&mask]
}
