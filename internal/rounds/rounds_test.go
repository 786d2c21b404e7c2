package rounds

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInTurnsLetsEachProgramBeFirstInEveryOtherRound(t *testing.T) {
	var calls []string
	note := func(name string) func(int) error {
		return func(round int) error { calls = append(calls, fmt.Sprint(name, round)); return nil }
	}
	require.NoError(t, InTurns(3, note("a"), note("b")))
	assert.Equal(t, []string{"a0", "b0", "b1", "a1", "a2", "b2"}, calls)
}

func TestInTurnsEndsAtTheFirstError(t *testing.T) {
	broken, calls := errors.New("broken"), 0
	err := InTurns(3, func(int) error { calls++; return nil }, func(round int) error { return broken })
	require.ErrorIs(t, err, broken)
	assert.Equal(t, 1, calls)
}

func TestRatiosAreThoseOfEachRound(t *testing.T) {
	assert.Equal(t, Ratio{Median: 2, Low: 1, High: 3}, Of([]float64{100, 330, 200}, []float64{100, 110, 100}))
	assert.Equal(t, "2.000 (1.000 to 3.000)", Ratio{2, 1, 3}.String())
}

func TestMedianOfAnEvenNumberIsBetweenTheTwo(t *testing.T) {
	assert.Equal(t, 2.5, Median([]float64{9, 1, 3, 2}))
}

func TestPercentileIsOneOfTheValues(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	for p, want := range map[float64]float64{0: 1, 50: 50, 95: 95, 99: 99, 99.5: 100, 100: 100} {
		assert.Equal(t, want, Percentile(values, p), "%g", p)
	}
	assert.Equal(t, 7.0, Percentile([]float64{7}, 50))
}
