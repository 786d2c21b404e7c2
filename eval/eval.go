// Package eval measures how well a model predicts text: perplexity, how far a quantized model's distributions are from
// those of the model it was made of, and the tasks that RWKV models are judged by.
//
// The definitions are those of llama-perplexity, so that figures compare; docs/quality.md states them. Logits are looked at
// in blocks while they are computed and never kept.
package eval

import "math"

// Estimate is a mean with its standard error, or what was made of one.
type Estimate struct {
	Value float64 `json:"value"`
	Error float64 `json:"error"`
}

// Sum takes up a sample.
type Sum struct {
	N       int
	Sum     float64
	Squares float64
}

// Add takes up one value.
func (s *Sum) Add(x float64) {
	s.N++
	s.Sum += x
	s.Squares += x * x
}

// Mean is the mean of the sample with its standard error, 0 for fewer than two values.
func (s *Sum) Mean() Estimate {
	if s.N == 0 {
		return Estimate{}
	}
	mean := s.Sum / float64(s.N)
	e := Estimate{Value: mean}
	if variance := s.Squares/float64(s.N) - mean*mean; variance > 0 && s.N > 1 {
		e.Error = math.Sqrt(variance / float64(s.N-1))
	}
	return e
}

// Exp is e to the power of an estimate, its error carried over to first order.
func (e Estimate) Exp() Estimate {
	v := math.Exp(e.Value)
	return Estimate{v, v * e.Error}
}
