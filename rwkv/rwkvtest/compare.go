package rwkvtest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/op"
)

type number interface{ float32 | float64 }

// difference returns the largest difference between two lists of rows, divided by the largest magnitude in want. It is NaN if any
// number is NaN.
func difference[W, G number](want [][]W, got [][]G) float64 {
	diff, scale := 0.0, 0.0
	for i := range want {
		for j := range want[i] {
			w := float64(want[i][j])
			diff = math.Max(diff, math.Abs(w-float64(got[i][j])))
			scale = math.Max(scale, math.Abs(w))
		}
	}
	return diff / scale
}

// Near fails the test unless got and want differ by at most tolerance times the largest magnitude in want.
func Near[W, G number](t testing.TB, want [][]W, got [][]G, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		require.Len(t, got[i], len(want[i]), what)
	}
	// Not LessOrEqual, because NaN must fail.
	d := difference(want, got)
	t.Logf("%s: %.2g", what, d)
	if !(d <= tolerance) {
		assert.Fail(t, "too far apart", "%s: %.3g, want at most %.3g", what, d, tolerance)
	}
}

// sameChoice fails the test unless the most likely token is the same at every position. Positions do not count if the second
// token is within margin, as a part of the largest logit.
func sameChoice[W, G number](t testing.TB, want [][]W, got [][]G, margin float64) {
	t.Helper()
	for i := range want {
		first, second := best(want[i])
		if first != argmax(got[i]) && float64(want[i][first]-want[i][second]) > margin*math.Abs(float64(want[i][first])) {
			assert.Equal(t, first, argmax(got[i]), "the likeliest token at position %d", i)
		}
	}
}

func argmax[N number](x []N) int {
	first, _ := best(x)
	return first
}

// best returns the indices of the largest and the second largest number.
func best[N number](x []N) (first, second int) {
	first, second = 0, -1
	for i := 1; i < len(x); i++ {
		switch {
		case x[i] > x[first]:
			first, second = i, first
		case second < 0 || x[i] > x[second]:
			second = i
		}
	}
	return first, second
}

// widen pads the heads of a state to elements in all, as op.StateHead does. x is unpadded, [n, n, heads].
func widen[N number](c rwkv.Config, x []N, elements int64) []N {
	if int64(len(x)) == elements {
		return x
	}
	n, padded := c.HeadSize, op.StateHead(c.HeadSize)
	wide := make([]N, elements)
	for row := range len(x) / n {
		copy(wide[(row/n*padded+row%n)*padded:], x[row*n:][:n])
	}
	return wide
}
