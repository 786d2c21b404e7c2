// Package sampler chooses the next token from a model's logits. The steps have the same order as in RWKV's own programs:
//
//  1. Presence and frequency penalties change the logits.
//  2. Softmax at temperature 1 turns the logits into probabilities.
//  3. Top-p, top-k and min-p keep the likeliest tokens. Which tokens these are does not depend on the temperature.
//  4. The temperature changes the probabilities of the tokens that are left. One of these tokens is drawn.
//
// With the zero Options, a Sampler always chooses the likeliest token.
//
// Limits: it has no classifier-free guidance and no mirostat. Package guide has grammars.
package sampler

import (
	"errors"
	"fmt"
	"maps"
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

	logits  []float32 // the logits of the call after penalties; those of banned tokens are -Inf
	weights []float64 // e^(logit - largest logit), estimated or exact
	all     []int32   // the rows 0, 1, 2 ...
	kept    []int32
	likely  []int32 // the rows that MinP allows
	edge    []int32
	buckets [buckets]bucket

	last      tokenizer.Token // that was chosen
	drawnFrom []int32         // the rows that it was drawn from; not at temperature 0
	heap      []int32
}

// occurrence is the count of a generated token, with the decay.
type occurrence struct {
	token tokenizer.Token
	count float64
}

// New returns a sampler. If an option has a wrong value, the error names it.
func New(o Options) (*Sampler, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Banned, o.Logits = slices.Clone(o.Banned), maps.Clone(o.Logits)
	return &Sampler{o: o, random: rand.New(rand.NewPCG(o.Seed, 0)), where: map[tokenizer.Token]int{}}, nil
}

// Reset forgets the tokens that were chosen so far. It does not restart the random numbers. Call Reset at the start of a turn.
func (s *Sampler) Reset() {
	s.chosen = 0
	s.seen = s.seen[:0]
	clear(s.where)
}

// SetGuide replaces Options.Guide. nil removes it.
func (s *Sampler) SetGuide(g Guide) { s.o.Guide = g }

// LogitError is the error of a logit that is NaN or infinite.
type LogitError struct {
	row, rows int
	value     float32
}

func (e *LogitError) Error() string {
	return fmt.Sprintf("logit %d of %d is %v: the model's weights are damaged or its arithmetic overflowed", e.row, e.rows, e.value)
}

// Sample chooses a token and counts it for the penalties. logits has one number for each row of the vocabulary. Sample does not change
// logits. If a logit is not finite, the error is a *LogitError. Sample also fails if logits is empty, if every row is banned, or if Bias
// makes a logit NaN or +Inf.
func (s *Sampler) Sample(logits []float32) (tokenizer.Token, error) {
	best, err := s.prepare(logits)
	if err != nil {
		return 0, err
	}
	if s.o.Temperature > 0 {
		// First try the fast estimated weights. If they do not prove that exact weights give the same row, use exact weights.
		largest, u := s.logits[best], s.random.Float64()
		var proven bool
		if best, proven = s.choose(largest, u, true); !proven {
			best, _ = s.choose(largest, u, false)
		}
	}
	s.last = tokenizer.Token(best)
	s.count(s.last)
	return s.last, nil
}

// prepare fills s.logits and returns the row of the largest logit, or the first such row if several are equal.
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
	s.addBias()
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
	if s.o.Guide != nil {
		if err := s.o.Guide.Guide(s.logits); err != nil {
			return 0, err
		}
	}
	best = argmax(s.logits)
	if s.logits[best] == banned {
		return 0, fmt.Errorf("all %d tokens are banned: ban fewer", n)
	}
	return best, nil
}

var banned = float32(math.Inf(-1))

// count decays all counts and adds a chosen token to its count.
func (s *Sampler) count(t tokenizer.Token) {
	s.chosen++
	if s.o.Guide != nil {
		s.o.Guide.Chosen(t)
	}
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

// draw adds up the weights of rows and returns the row at which the sum becomes larger than point. The row is proven if it stays the
// same when the sum and point are wrong by slack.
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
