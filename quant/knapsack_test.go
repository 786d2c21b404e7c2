package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheChoiceIsAsCheapAsAnyThatFits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		items := make([][]option, 1+rng.IntN(6))
		smallest := int64(0)
		for i := range items {
			low := int64(math.MaxInt64)
			for range 1 + rng.IntN(4) {
				o := option{size: rng.Int64N(5000), cost: rng.Float64()}
				items[i], low = append(items[i], o), min(low, o.size)
			}
			smallest += low
		}
		budget := smallest + rng.Int64N(12000)
		size, cost := total(items, cheapest(items, budget))
		assert.LessOrEqual(t, size, budget)
		assert.InDelta(t, byTryingAll(items, budget, nil), cost, 1e-12)
	}
}

func TestLargeBudgetsAreNotExceededAndHardlyWasted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	items := make([][]option, 300)
	for i := range items {
		size := 1_000_000 + rng.Int64N(50_000_000)
		for k := range int64(6) {
			items[i] = append(items[i], option{size: size * (2 + k) / 8, cost: rng.Float64() * math.Exp2(-2*float64(k))})
		}
	}
	const budget = 4_000_000_000
	size, _ := total(items, cheapest(items, budget))
	assert.LessOrEqual(t, size, int64(budget))
	assert.Greater(t, size, int64(budget*0.997))
}

func total(items [][]option, chosen []int) (size int64, cost float64) {
	for i, k := range chosen {
		size, cost = size+items[i][k].size, cost+items[i][k].cost
	}
	return size, cost
}

func byTryingAll(items [][]option, budget int64, chosen []int) float64 {
	if len(chosen) == len(items) {
		size, cost := total(items, chosen)
		if size > budget {
			return math.Inf(1)
		}
		return cost
	}
	best := math.Inf(1)
	for k := range items[len(chosen)] {
		best = min(best, byTryingAll(items, budget, append(chosen[:len(chosen):len(chosen)], k)))
	}
	return best
}
