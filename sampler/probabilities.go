package sampler

import (
	"cmp"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Probabilities say how likely tokens are at one place of a text.
type Probabilities struct {
	Log float64  // the natural logarithm of the probability of the token that stands there
	Top []Likely // the likeliest tokens, the likeliest first; of equal ones the one with the smaller number
}

// Likely is a token and the natural logarithm of its probability.
type Likely struct {
	Token tokenizer.Token
	Log   float64
}

// Probabilities returns how likely the model finds a token, and the top likeliest tokens: the softmax of all logits at temperature 1, without
// penalties, biases and bans. Rows from Options.Limit on are padding. They are part of the softmax but never among the top. All logits must be
// finite, as those are that Sample has accepted, and the token must have one. The sampler stays as it is.
func (s *Sampler) Probabilities(logits []float32, token tokenizer.Token, top int) Probabilities {
	n := len(logits)
	if s.o.Limit > 0 {
		n = min(n, s.o.Limit)
	}
	hi, total := float64(logits[argmax(logits)]), 0.0
	for _, l := range logits {
		total += exp(float64(l) - hi)
	}
	return s.tell(logits, s.firstRows(n), token, top, hi, 1, math.Log(total))
}

// Sampled returns how likely the last token was that Sample chose, and the top likeliest tokens, in the distribution that it was drawn from: after
// biases, penalties, bans, top-p, top-k, min-p and temperature. Tokens that could not be drawn are not among the top. At temperature 0
// the chosen token has the probability 1. Before the first call of Sample, there is nothing to return.
func (s *Sampler) Sampled(top int) Probabilities {
	if len(s.logits) == 0 {
		return Probabilities{}
	}
	if s.o.Temperature == 0 {
		s.drawnFrom = append(s.drawnFrom[:0], int32(s.last))
		return s.tell(s.logits, s.drawnFrom, s.last, top, float64(s.logits[s.last]), 1, 0)
	}
	hi, total := math.Inf(-1), 0.0
	for _, row := range s.drawnFrom {
		hi = max(hi, float64(s.logits[row]))
	}
	for _, row := range s.drawnFrom {
		total += exp((float64(s.logits[row]) - hi) / s.o.Temperature)
	}
	return s.tell(s.logits, s.drawnFrom, s.last, top, hi, s.o.Temperature, math.Log(total))
}

// tell returns the probabilities of a token and of the top likeliest rows. The logarithm of a probability is (logit - hi) / temperature - logTotal.
func (s *Sampler) tell(logits []float32, rows []int32, token tokenizer.Token, top int, hi, temperature, logTotal float64) Probabilities {
	log := func(row int32) float64 { return (float64(logits[row])-hi)/temperature - logTotal }
	p := Probabilities{Log: log(int32(token))}
	for _, row := range s.likeliest(logits, rows, top) {
		if l := log(row); !math.IsInf(l, -1) {
			p.Top = append(p.Top, Likely{tokenizer.Token(row), l})
		}
	}
	return p
}

// firstRows returns the rows 0 to n-1.
func (s *Sampler) firstRows(n int) []int32 {
	for i := len(s.all); i < n; i++ {
		s.all = append(s.all, int32(i))
	}
	return s.all[:n]
}

// likeliest returns the n rows with the largest logits, the largest first. The slice is valid until the next call.
func (s *Sampler) likeliest(logits []float32, rows []int32, n int) []int32 {
	n = min(n, len(rows))
	if n <= 0 {
		return nil
	}
	order := func(a, b int32) int { return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b)) }
	heap := append(s.heap[:0], rows[:n]...) // the last in order is the first in the heap
	for i := n/2 - 1; i >= 0; i-- {
		sink(heap, i, order)
	}
	least := logits[heap[0]]
	for _, row := range rows[n:] {
		if logits[row] >= least && order(row, heap[0]) < 0 {
			heap[0] = row
			sink(heap, 0, order)
			least = logits[heap[0]]
		}
	}
	slices.SortFunc(heap, order)
	s.heap = heap
	return heap
}

// sink moves the element at index i of a heap down to its place.
func sink(heap []int32, i int, order func(a, b int32) int) {
	for {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if order(heap[child], heap[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		heap[i], heap[last] = heap[last], heap[i]
		i = last
	}
}
