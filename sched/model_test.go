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
	"github.com/gosling-rwkv/gosling/states"
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

// With a tree of states, a conversation on a real model has the tokens that it has without: the whole of it is read anew there.
func TestConversationsOfAModelWithACache(t *testing.T) {
	c := synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 64, Vocab: 97, Seed: 5}
	m := rwkvtest.Load(t, ggmltest.Library(t), rwkvtest.Random(t, c, "F32"), engine.Options{Device: "cpu", Threads: 2})
	if !m.Exact() {
		t.Skip("the model is not exact here: hits may differ from misses in the last bits")
	}
	machine, err := sched.NewSlots(m, 2)
	require.NoError(t, err)
	defer machine.Close()
	e := sched.New(machine, sched.Options{Tree: states.NewTree(64 << 20)})
	defer e.Close()
	space := states.NewSecret().Namespace(states.Owner{Model: m.Identity()})
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			history := make([]tokenizer.Token, 100) // a beginning that all share
			for j := range history {
				history[j] = tokenizer.Token(1 + j*5%96)
			}
			for turn := range 4 {
				for j := range 1 + 9*i {
					history = append(history, tokenizer.Token(1+(i*turn+j)%96))
				}
				session, err := m.NewSession(engine.SessionOptions{})
				if !assert.NoError(t, err) {
					return
				}
				var want, got []tokenizer.Token
				for piece, err := range generate.Text(t.Context(), session, history, options(t, uint64(i))) {
					assert.NoError(t, err)
					want = append(want, piece.Token)
				}
				session.Close()
				s, err := e.Submit(t.Context(), sched.Request{
					Prompt: history, Generate: options(t, uint64(i)), Cache: &sched.Cached{Space: space, Marks: states.Marks{}, Cut: true, Fill: true},
				})
				if !assert.NoError(t, err) {
					return
				}
				var last sched.Event
				for event, ok := s.Next(); ok; event, ok = s.Next() {
					if event.Read == 0 {
						got = append(got, event.Token)
					}
					last = event
				}
				assert.Equal(t, want, got, "conversation %d, turn %d", i, turn)
				if turn > 0 {
					assert.GreaterOrEqual(t, last.End.Cached, len(history)-1-9*i-2, "a turn reads its new tokens")
				}
				history = append(history, got...)
			}
		})
	}
	all.Wait()
}
