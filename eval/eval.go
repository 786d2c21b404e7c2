// Package eval measures how well a model predicts text. It computes perplexity, the distance between the distributions of a quantized model
// and of its base, and the tasks that RWKV models are usually tested with.
//
// The definitions are those of llama-perplexity, so figures can be compared. docs/quality-definitions.md states them. Logits are
// evaluated in blocks while they are computed, and not kept.
package eval

import (
	"encoding/json"
	"math"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// Estimate is a mean with its standard error, or a value computed from one.
type Estimate struct{ Value, Error float64 }

// estimateJSON is an Estimate in a JSON file. A perplexity may be too large for a float64.
type estimateJSON struct {
	Value float.Number `json:"value"`
	Error float.Number `json:"error"`
}

// MarshalJSON writes an object with value and error. Each of them is null if it is not finite.
func (e Estimate) MarshalJSON() ([]byte, error) {
	return json.Marshal(estimateJSON{float.Number(e.Value), float.Number(e.Error)})
}

// UnmarshalJSON reads what MarshalJSON writes. A null is NaN.
func (e *Estimate) UnmarshalJSON(data []byte) error {
	var read estimateJSON
	err := json.Unmarshal(data, &read)
	*e = Estimate{float64(read.Value), float64(read.Error)}
	return err
}

// Sum holds the sums of a sample.
type Sum struct {
	N       int
	sum     float64
	squares float64
}

// Add adds one value to the sample.
func (s *Sum) Add(x float64) {
	s.N++
	s.sum += x
	s.squares += x * x
}

// Mean returns the mean of the sample with its standard error. The error is 0 for fewer than two values.
func (s *Sum) Mean() Estimate {
	if s.N == 0 {
		return Estimate{}
	}
	mean := s.sum / float64(s.N)
	e := Estimate{Value: mean}
	if variance := s.squares/float64(s.N) - mean*mean; variance > 0 && s.N > 1 {
		e.Error = math.Sqrt(variance / float64(s.N-1))
	}
	return e
}

// exp returns e to the power of an estimate. It computes the error to first order.
func (e Estimate) exp() Estimate {
	v := math.Exp(e.Value)
	return Estimate{v, v * e.Error}
}
