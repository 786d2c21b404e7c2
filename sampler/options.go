package sampler

import (
	"fmt"
	"math"
	"strings"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Options says how tokens are chosen. The zero value is greedy: always the token with the largest logit.
type Options struct {
	// Temperature is applied to the tokens that TopP and TopK left. A value below 1 favours the likelier tokens. 0 always takes the
	// likeliest.
	Temperature float64
	// TopP keeps the likeliest tokens until their probabilities, at temperature 1, add up to this value. It also keeps the tokens
	// that are as likely as the last of these. 1 keeps every token. 0 keeps the likeliest, and any that are equally likely.
	TopP float64
	// TopK is the number of the likeliest tokens to keep. 0 keeps all.
	TopK int
	// MinP drops the tokens that are less likely than this share of the likeliest one. 0 keeps all.
	MinP float64

	// PresencePenalty is subtracted from the logit of every token that was generated before.
	PresencePenalty float64
	// FrequencyPenalty is multiplied by a token's count and subtracted from its logit. The count says how often the token was
	// generated.
	FrequencyPenalty float64
	// PenaltyDecay multiplies all counts after each token. A value below 1 makes older tokens count less.
	PenaltyDecay float64
	// Weight returns the number that a generated token adds to its count. If Weight is nil, each token adds 1. See SpareNumbers.
	Weight func(tokenizer.Token) float64

	// Bias, if not nil, changes the logits in place, before everything else. n is the number of tokens chosen since Reset. A logit of
	// -Inf bans its token. NaN and +Inf are errors.
	Bias func(n int, logits []float32)
	// Logits are added to the logits of single tokens, after Bias. -Inf bans a token. See ParseBias.
	Logits map[tokenizer.Token]float64
	// Guide, if not nil, decides before each token which ones are possible. It belongs to the Sampler.
	Guide Guide
	// Banned tokens are never chosen.
	Banned []tokenizer.Token
	// Limit bans the row with this index and all later rows. A model may have more rows than its vocabulary has tokens (see
	// tokenizer.Tokenizer.Len). The rows without a token are padding. 0 bans no row.
	Limit int
	// Seed makes the choice repeatable: the same seed and logits give the same tokens.
	Seed uint64
}

// Guide decides which tokens may be chosen, by those chosen before.
type Guide interface {
	// Guide sets the logits of tokens that are impossible now to -Inf.
	Guide(logits []float32) error
	// Chosen is called with each token that was chosen.
	Chosen(t tokenizer.Token)
}

// SpareNumbers returns an Options.Weight that does not count digits and blanks, so penalties do not change numbers and indentation. The
// rule is that of RWKV's pipeline: a token does not count if its text is part of " \t0123456789".
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

// check returns an error that names the first option with a wrong value.
func (o Options) check() error {
	switch {
	case !(o.Temperature >= 0 && o.Temperature <= 1e6):
		return fmt.Errorf("temperature %v is not between 0 (greedy) and 1e6: try 1", o.Temperature)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return fmt.Errorf("top-p %v is not between 0 and 1: try 0.85, or 1 to keep every token", o.TopP)
	case o.TopK < 0:
		return fmt.Errorf("top-k %d is negative: use 0 to keep every token", o.TopK)
	case !(o.MinP >= 0 && o.MinP <= 1):
		return fmt.Errorf("min-p %v is not between 0 and 1: try 0.05, or 0 to keep every token", o.MinP)
	case !(math.Abs(o.PresencePenalty) <= maxPenalty):
		return fmt.Errorf("presence penalty %v is not between -1e6 and 1e6: try 0.2, or 0 for none", o.PresencePenalty)
	case !(math.Abs(o.FrequencyPenalty) <= maxPenalty):
		return fmt.Errorf("frequency penalty %v is not between -1e6 and 1e6: try 0.2, or 0 for none", o.FrequencyPenalty)
	case !(o.PenaltyDecay >= 0 && o.PenaltyDecay <= 1):
		return fmt.Errorf("penalty decay %v is not between 0 and 1: try 0.996", o.PenaltyDecay)
	case o.Limit < 0:
		return fmt.Errorf("limit %d is negative: use 0 to allow every row", o.Limit)
	}
	for t, bias := range o.Logits {
		if t < 0 || !(bias <= maxBias) || bias < -maxBias && !math.IsInf(bias, -1) {
			return fmt.Errorf("bias %v of token %d: want a token from 0 and a number from -1e6 to 1e6, or -Inf", bias, t)
		}
	}
	for _, t := range o.Banned {
		if t < 0 {
			return fmt.Errorf("banned token %d is negative: token ids start at 0", t)
		}
	}
	return nil
}
