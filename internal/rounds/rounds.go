package rounds

import (
	"fmt"
	"math"
	"slices"
)

// InTurns measures two programs n times each. ours comes first in the first round and every other one, theirs in the rest. It ends
// at the first error.
func InTurns(n int, ours, theirs func(round int) error) error {
	for i := range n {
		order := []func(int) error{ours, theirs}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, measure := range order {
			if err := measure(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// Ratio is the median of the rounds' ratios, with its range.
type Ratio struct {
	Median, Low, High float64
}

// Of returns the ratios of the values of each round: ours[i] to theirs[i]. The slices must be equally long and not empty, and theirs
// without zeros.
func Of(ours, theirs []float64) Ratio {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return Ratio{Median: Median(ratios), Low: slices.Min(ratios), High: slices.Max(ratios)}
}

// String returns the median and the range, such as 1.250 (0.900 to 1.300).
func (r Ratio) String() string { return fmt.Sprintf("%.3f (%.3f to %.3f)", r.Median, r.Low, r.High) }

// Median returns the median of values in any order. It must not be empty.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Percentile returns the smallest of the values that at least p per cent of them do not exceed. It must not be empty.
func Percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
