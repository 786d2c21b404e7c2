package rwkvtest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTwoWaysToHalfPrecisionAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	numbers := []float32{0, 1, -1, 1 + 1.0/(1<<11), 1 + 3.0/(1<<11), 1.0 / (1 << 14), 65504}
	for range 10000 {
		numbers = append(numbers, float32(rng.NormFloat64())*float32(uint(1)<<rng.UintN(14)))
	}
	for _, x := range numbers {
		if half := toHalf(x); half*half >= 1.0/(1<<28) || half == 0 && x == 0 {
			require.Equal(t, half, toHalfMantissa(x), "%g", x)
		}
	}
}
