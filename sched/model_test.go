package sched_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func options(t testing.TB, seed uint64) generate.Options {
	s, err := sampler.New(sampler.Options{Temperature: 1, TopP: 0.9, Seed: seed})
	require.NoError(t, err)
	return generate.Options{Sampler: s, Limit: 30}
}

// Texts side by side on a real model have the tokens that each has alone, and go on from the state that one left behind.
func TestTextsOfAModel(t *testing.T) {
	ggmltest.NoLeaks(t)
	c := synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 64, Vocab: 97, Seed: 5}
	m := rwkvtest.Load(t, ggmltest.Library(t), rwkvtest.Random(t, c, "F32"), engine.Options{Device: "cpu", Threads: 2})
	prompt := func(i int) []tokenizer.Token {
		p := make([]tokenizer.Token, 1+13*i)
		for j := range p {
			p[j] = tokenizer.Token(1 + (i*31+j*7)%96)
		}
		return p
	}
	alone := func(t *testing.T, s *engine.Session, p []tokenizer.Token, seed uint64) (tokens []tokenizer.Token) {
		for piece, err := range generate.Text(t.Context(), s, p, options(t, seed)) {
			require.NoError(t, err)
			tokens = append(tokens, piece.Token)
		}
		return tokens
	}
	machine, err := sched.NewSlots(m, 3)
	require.NoError(t, err)
	defer machine.Close()
	e := sched.New(machine, sched.Options{Quantum: 5, Latency: time.Millisecond, Alone: !m.Exact()})
	defer e.Close()
	var all sync.WaitGroup
	for i := range 8 {
		session := rwkvtest.NewSession(t, m)
		want := [2][]tokenizer.Token{alone(t, session, prompt(i), uint64(i)), alone(t, session, prompt(1), uint64(i))}
		all.Go(func() {
			r := sched.Request{Tenant: fmt.Sprint(i % 2), Prompt: prompt(i), Generate: options(t, uint64(i)), Keep: true}
			for part := range want {
				s, err := e.Submit(t.Context(), r)
				if !assert.NoError(t, err) {
					return
				}
				var got []tokenizer.Token
				var last sched.Event
				for event, ok := s.Next(); ok; event, ok = s.Next() {
					if event.Read == 0 {
						got = append(got, event.Token)
					}
					last = event
				}
				if !assert.NoError(t, last.End.Err) || !assert.Equal(t, want[part], got, "text %d", i) {
					return
				}
				assert.EqualValues(t, len(r.Prompt), last.End.Prompt)
				r = sched.Request{Prompt: prompt(1), From: last.End.State, Generate: options(t, uint64(i))}
			}
		})
	}
	all.Wait()
	require.NoError(t, e.Drain(t.Context()))
}
