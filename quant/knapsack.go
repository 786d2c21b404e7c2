package quant

import "math"

// budgetUnits is how finely a budget is divided. Sizes are rounded up to whole units, so that no choice exceeds it, and what
// that wastes, less than a unit for each item, is spent afterwards.
const budgetUnits = 1 << 16

// cheapest chooses one option of each item such that their sizes sum up to at most the budget and their costs to the least: the
// multiple-choice knapsack, by dynamic programming over what is spent. The smallest options must fit.
func cheapest(items [][]option, budget int64) []int {
	least := make([]int64, len(items)) // the smallest option of each is paid at once, the rest is divided
	for i, options := range items {
		least[i] = math.MaxInt64
		for _, o := range options {
			least[i] = min(least[i], o.size)
		}
		budget -= least[i]
	}
	unit := max(1, (budget+budgetUnits-1)/budgetUnits)
	width := int(budget/unit) + 1
	costs, next := make([]float64, width), make([]float64, width)
	from := make([][]uint8, len(items)) // the option that is chosen where so many units were spent
	for i, options := range items {
		from[i] = make([]uint8, width)
		for spent := range next {
			next[spent] = math.Inf(1)
		}
		for k, o := range options {
			size := int((o.size - least[i] + unit - 1) / unit)
			for spent := size; spent < width; spent++ {
				if cost := costs[spent-size] + o.cost; cost < next[spent] {
					next[spent], from[i][spent] = cost, uint8(k)
				}
			}
		}
		costs, next = next, costs
	}
	chosen, spent := make([]int, len(items)), width-1
	for i := len(items) - 1; i >= 0; i-- {
		k := int(from[i][spent])
		chosen[i] = k
		o := items[i][k]
		spent -= int((o.size - least[i] + unit - 1) / unit)
		budget -= o.size - least[i]
	}
	spend(items, chosen, budget)
	return chosen
}

// spend uses what is left of a budget for single options that cost less, the best for its size first.
func spend(items [][]option, chosen []int, left int64) {
	for {
		bestItem, bestOption, best := -1, 0, 0.0
		for i, options := range items {
			now := options[chosen[i]]
			for k, o := range options {
				more := o.size - now.size
				if gain := (now.cost - o.cost) / float64(max(more, 1)); more <= left && o.cost < now.cost && gain > best {
					bestItem, bestOption, best = i, k, gain
				}
			}
		}
		if bestItem < 0 {
			return
		}
		left -= items[bestItem][bestOption].size - items[bestItem][chosen[bestItem]].size
		chosen[bestItem] = bestOption
	}
}
