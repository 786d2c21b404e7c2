package eval

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// softmax holds what turns logits into a distribution: log p(i) = logits[i] - logSum.
type softmax struct {
	top      int // index of the first maximum
	min, max float32
	logSum   float64
}

// newSoftmax computes the softmax of logits. It returns an error if one of them is not finite.
func newSoftmax(logits []float32) (softmax, error) {
	s := softmax{min: float32(math.Inf(1)), max: float32(math.Inf(-1))}
	for i, x := range logits {
		if x-x != 0 {
			return s, fmt.Errorf("the logit of token %d is %g: the model is broken, or its numbers overflow", i, x)
		}
		if x > s.max {
			s.top, s.max = i, x
		}
		s.min = min(s.min, x)
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x - s.max))
	}
	s.logSum = float64(s.max) + math.Log(sum)
	return s, nil
}

// surprise returns the negative logarithm of the probability that logits give to token.
func surprise(logits []float32, token tokenizer.Token) (float64, error) {
	s, err := newSoftmax(logits)
	return s.logSum - float64(logits[token]), err
}
