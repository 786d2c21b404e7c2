package sampler

import (
	"fmt"
	"math"
	"strings"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Options says how tokens are chosen. The zero value is greedy: always the token with the largest logit.
type Options struct {
	// Temperature is applied after TopP and TopK, to what they left: below 1 favours the likelier tokens, 0 takes the likeliest.
	Temperature float64
	// TopP keeps the likeliest tokens whose probabilities, at temperature 1, add up to it, and all that are as likely as the
	// last of them. 1 keeps everything, 0 the likeliest token and its equals.
	TopP float64
	// TopK keeps that many of the likeliest tokens; 0 keeps all.
	TopK int

	// PresencePenalty is taken from the logit of every token that was generated before.
	PresencePenalty float64
	// FrequencyPenalty is taken from it once for each time the token was generated, those long ago counting less.
	FrequencyPenalty float64
	// PenaltyDecay is what the counts are multiplied by with each token.
	PenaltyDecay float64
	// Weight is how much a generated token adds to its count; 1 for all tokens when nil. See SpareNumbers.
	Weight func(tokenizer.Token) float64

	// Bias, if not nil, changes the logits before anything else does, given how many tokens were chosen since Reset. A logit of -Inf bans
	// a token.
	Bias func(n int, logits []float32)
	// Banned tokens are never chosen.
	Banned []tokenizer.Token
	// Limit bans all rows from it on, which a model's padding added to its vocabulary (tokenizer.Tokenizer.Len); 0 bans none.
	Limit int
	// Seed makes the choice repeatable: same seed, same logits, same tokens.
	Seed uint64
}

// SpareNumbers returns an Options.Weight that does not count digits and blanks. Then penalties leave numbers and indentation alone. It is
// the rule of RWKV's pipeline: a token does not count if its text is part of " \t0123456789".
func SpareNumbers(v tokenizer.Tokenizer) func(tokenizer.Token) float64 {
	return func(t tokenizer.Token) float64 {
		if text, ok := v.Bytes(t); ok && strings.Contains(" \t0123456789", string(text)) {
			return 0
		}
		return 1
	}
}

// maxPenalty keeps penalised logits far from overflow.
const maxPenalty = 1e6

// check refuses what makes no sense. It names the options as the command line does.
func (o Options) check() error {
	switch {
	case !(o.Temperature >= 0 && o.Temperature <= 1e6):
		return fmt.Errorf("temperature %v is not between 0 (greedy) and 1e6: try 1", o.Temperature)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return fmt.Errorf("top-p %v is not between 0 and 1: try 0.85, or 1 to keep every token", o.TopP)
	case o.TopK < 0:
		return fmt.Errorf("top-k %d is negative: use 0 to keep every token", o.TopK)
	case !(math.Abs(o.PresencePenalty) <= maxPenalty):
		return fmt.Errorf("presence penalty %v is not between -1e6 and 1e6: try 0.2, or 0 for none", o.PresencePenalty)
	case !(math.Abs(o.FrequencyPenalty) <= maxPenalty):
		return fmt.Errorf("frequency penalty %v is not between -1e6 and 1e6: try 0.2, or 0 for none", o.FrequencyPenalty)
	case !(o.PenaltyDecay >= 0 && o.PenaltyDecay <= 1):
		return fmt.Errorf("penalty decay %v is not between 0 and 1: try 0.996", o.PenaltyDecay)
	case o.Limit < 0:
		return fmt.Errorf("limit %d is negative: use 0 to allow every row", o.Limit)
	}
	for _, t := range o.Banned {
		if t < 0 {
			return fmt.Errorf("banned token %d is negative: token ids start at 0", t)
		}
	}
	return nil
}
