// Package sampler chooses the next token from a model's logits. It works in the order of RWKV's own programs:
//
//  1. Presence and frequency penalties change the logits.
//  2. Softmax at temperature 1 turns them into probabilities.
//  3. Top-p and top-k keep the likeliest tokens. So they do not depend on the temperature.
//  4. The temperature acts on the tokens that are left, and one of them is drawn.
//
// With the zero Options the likeliest token is chosen.
//
// Limits: no classifier-free guidance, no grammars, no mirostat.
package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Sampler chooses tokens and remembers those it chose. It belongs to one goroutine at a time.
type Sampler struct {
	o      Options
	random *rand.Rand
	chosen int // tokens since Reset
	seen   []occurrence
	where  map[tokenizer.Token]int // index in seen

	logits  []float32 // of the call, penalised, banned ones -Inf
	weights []float64 // e^(logit - largest logit), estimated or exact
	all     []int32   // the rows 0, 1, 2 ...
	kept    []int32
	edge    []int32
	buckets [buckets]bucket
}

// occurrence says how often a token was generated, decayed.
type occurrence struct {
	token tokenizer.Token
	count float64
}

// New returns a sampler, or an error that names the option with a wrong value.
func New(o Options) (*Sampler, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Banned = slices.Clone(o.Banned)
	return &Sampler{o: o, random: rand.New(rand.NewPCG(o.Seed, 0)), where: map[tokenizer.Token]int{}}, nil
}

// Reset forgets the tokens chosen so far. It does not reset the random numbers. Call it at the start of a turn.
func (s *Sampler) Reset() {
	s.chosen = 0
	s.seen = s.seen[:0]
	clear(s.where)
}

// LogitError is the error of a logit that is not finite.
type LogitError struct {
	row, rows int
	value     float32
}

func (e *LogitError) Error() string {
	return fmt.Sprintf("logit %d of %d is %v: the model's weights are damaged or its arithmetic overflowed", e.row, e.rows, e.value)
}

// Sample chooses a token, given one logit for each row of the vocabulary, and counts it for the penalties. It leaves logits as
// they are. A logit that is not finite gives a *LogitError. Sample also fails if every row is banned, or if the bias makes a logit NaN or
// +Inf.
func (s *Sampler) Sample(logits []float32) (tokenizer.Token, error) {
	best, err := s.prepare(logits)
	if err != nil {
		return 0, err
	}
	if s.o.Temperature > 0 {
		// If estimated weights cannot prove the row, exact ones choose it. So it never depends on the estimates.
		largest, u := s.logits[best], s.random.Float64()
		var proven bool
		if best, proven = s.choose(largest, u, true); !proven {
			best, _ = s.choose(largest, u, false)
		}
	}
	s.count(tokenizer.Token(best))
	return tokenizer.Token(best), nil
}

// prepare fills s.logits and returns the row of the largest, the first of them if there are several.
func (s *Sampler) prepare(logits []float32) (best int, err error) {
	if len(logits) == 0 {
		return 0, errors.New("no logits to sample from")
	}
	if i := float.FirstNotFinite(logits); i >= 0 {
		return 0, &LogitError{i, len(logits), logits[i]}
	}
	n := len(logits)
	if s.o.Limit > 0 {
		n = min(n, s.o.Limit)
	}
	s.logits = append(s.logits[:0], logits[:n]...)
	if s.o.Bias != nil {
		s.o.Bias(s.chosen, s.logits)
		if i := slices.IndexFunc(s.logits, func(l float32) bool { return !(l <= math.MaxFloat32) }); i >= 0 {
			return 0, fmt.Errorf("the bias made logit %d of %d %v: only finite logits and -Inf can be sampled from", i, n, s.logits[i])
		}
	}
	for _, o := range s.seen {
		if int(o.token) < n {
			penalty := s.o.PresencePenalty + o.count*s.o.FrequencyPenalty
			s.logits[o.token] = float32(float64(s.logits[o.token]) - penalty)
		}
	}
	for _, t := range s.o.Banned {
		if int(t) < n {
			s.logits[t] = banned
		}
	}
	best = argmax(s.logits)
	if s.logits[best] == banned {
		return 0, fmt.Errorf("all %d tokens are banned: ban fewer", n)
	}
	return best, nil
}

var banned = float32(math.Inf(-1))

// count enters a chosen token into the table of occurrences.
func (s *Sampler) count(t tokenizer.Token) {
	s.chosen++
	for i := range s.seen {
		s.seen[i].count *= s.o.PenaltyDecay
	}
	weight := 1.0
	if s.o.Weight != nil {
		weight = s.o.Weight(t)
	}
	i, ok := s.where[t]
	if !ok {
		i = len(s.seen)
		s.where[t] = i
		s.seen = append(s.seen, occurrence{token: t})
	}
	s.seen[i].count += weight
}

// draw returns the row at which the sum of the weights passes point. It is proven if sum and point may be wrong by slack.
func (s *Sampler) draw(rows []int32, point, slack float64) (drawn int, proven bool) {
	last := int32(0)
	for _, row := range rows {
		if w := s.weights[row]; w > 0 {
			last = row
			if point -= w; point < 0 {
				proven = point < -slack && point+w > slack
				break
			}
		}
	}
	return int(last), proven
}
