package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// warmTokens is how many tokens a session generates to warm up.
const warmTokens = 16

// measure runs the test once to warm up and then takes the given number of samples. A sample is the time of one run, or the mean
// of as many runs as the clock needs.
func (r *Result) measure(ctx context.Context, now func() time.Time, s *engine.Session, vocab, repetitions int) error {
	tokens := randomTokens(r.Prompt+r.Gen, vocab)
	warm := tokens
	if r.Gen > 0 {
		warm = tokens[:r.Prompt+min(r.Gen, warmTokens)]
	}
	if _, err := r.once(ctx, now, s, warm); err != nil {
		return err
	}
	var ns []float64
	for range repetitions {
		took, err := repeat(func() (time.Duration, error) { return r.once(ctx, now, s, tokens) })
		if err != nil {
			return err
		}
		ns = append(ns, float64(took))
		r.SamplesNs = append(r.SamplesNs, took.Nanoseconds())
		r.SamplesTS = append(r.SamplesTS, float.Rate(float64(len(tokens)), took))
	}
	avg, stddev := meanAndDeviation(ns)
	r.AvgNs, r.StddevNs = int64(avg), int64(stddev)
	r.AvgTS, r.StddevTS = meanAndDeviation(r.SamplesTS)
	return nil
}

// randomTokens returns n random tokens, the same ones each time.
func randomTokens(n, vocab int) []tokenizer.Token {
	random := rand.New(rand.NewPCG(1, 2))
	tokens := make([]tokenizer.Token, n)
	for i := range tokens {
		tokens[i] = tokenizer.Token(random.IntN(vocab))
	}
	return tokens
}

// once reads the tokens from an empty state, the first ones as a prompt and the others one by one, and returns how long that took.
func (r *Result) once(ctx context.Context, now func() time.Time, s *engine.Session, tokens []tokenizer.Token) (time.Duration, error) {
	if err := s.Reset(); err != nil {
		return 0, err
	}
	begin := now()
	if r.Prompt > 0 {
		if _, err := s.Prefill(ctx, tokens[:r.Prompt]); err != nil {
			return 0, err
		}
	}
	for _, t := range tokens[r.Prompt:] {
		if _, err := s.Decode(ctx, t); err != nil {
			return 0, err
		}
	}
	return now().Sub(begin), nil
}

// measuredTime is the shortest time of a measurement. The clocks of some systems step by 16 ms.
const measuredTime = 100 * time.Millisecond

// mostRepeats ends a measurement whose clock does not move.
const mostRepeats = 32

// repeat calls once until measuredTime has passed, at most mostRepeats times. It returns the mean time of a call.
func repeat(once func() (time.Duration, error)) (time.Duration, error) {
	total, n := time.Duration(0), time.Duration(0)
	for total < measuredTime && n < mostRepeats {
		took, err := once()
		if err != nil {
			return 0, err
		}
		total += took
		n++
	}
	return total / n, nil
}

// meanAndDeviation returns the mean and the standard deviation of a sample.
func meanAndDeviation[F ~float64](x []F) (mean, deviation F) {
	for _, v := range x {
		mean += v / F(len(x))
	}
	if len(x) < 2 {
		return mean, 0
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / F(len(x)-1)
	}
	return mean, F(math.Sqrt(float64(deviation)))
}
