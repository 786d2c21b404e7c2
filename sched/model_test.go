package sched_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
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

// model returns a small model and a vocabulary of 97 tokens.
func model(t *testing.T) *engine.Model {
	c := synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 64, Vocab: 97, Seed: 5}
	return rwkvtest.Load(t, ggmltest.Library(t), rwkvtest.Random(t, c, "F32"), engine.Options{Device: "cpu", Threads: 2})
}

// tokens returns n tokens of a text.
func tokens(text, n int) []tokenizer.Token {
	all := make([]tokenizer.Token, n)
	for i := range all {
		all[i] = tokenizer.Token(1 + (text*31+i*7)%96)
	}
	return all
}

// start starts an engine with 3 slots, which gives the same results as each text alone.
func start(t *testing.T, m *engine.Model) *sched.Engine {
	machine, err := sched.NewSlots(m, 3)
	require.NoError(t, err)
	e := sched.New(machine, sched.Options{Quantum: 5, Latency: time.Millisecond, Alone: !m.Exact()})
	t.Cleanup(func() {
		e.Close()
		machine.Close()
	})
	return e
}

// ended reads a stream to its end and returns the tokens.
func ended(s *sched.Stream) (all []tokenizer.Token, end *sched.End) {
	for event, ok := s.Next(); ok; event, ok = s.Next() {
		if event.Read == 0 {
			all = append(all, event.Token)
		}
		end = event.End
	}
	return all, end
}

// Texts side by side on a real model have the tokens that each has alone, and go on from the state that one left behind.
func TestTextsOfAModel(t *testing.T) {
	ggmltest.NoLeaks(t)
	m := model(t)
	prompt := func(i int) []tokenizer.Token { return tokens(i, 1+13*i) }
	alone := func(t *testing.T, s *engine.Session, p []tokenizer.Token, seed uint64) (tokens []tokenizer.Token) {
		for piece, err := range generate.Text(t.Context(), s, p, options(t, seed)) {
			require.NoError(t, err)
			tokens = append(tokens, piece.Token)
		}
		return tokens
	}
	e := start(t, m)
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
				got, end := ended(s)
				if !assert.NoError(t, end.Err) || !assert.Equal(t, want[part], got, "text %d", i) {
					return
				}
				assert.EqualValues(t, len(r.Prompt), end.Prompt)
				r = sched.Request{Prompt: prompt(1), From: end.State, Generate: options(t, uint64(i))}
			}
		})
	}
	all.Wait()
	require.NoError(t, e.Drain(t.Context()))
}

// With a tree of states, a conversation on a real model has the tokens that it has without: the whole of it is read anew there.
func TestConversationsOfAModelWithACache(t *testing.T) {
	m := model(t)
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
				var want []tokenizer.Token
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
				got, end := ended(s)
				assert.Equal(t, want, got, "conversation %d, turn %d", i, turn)
				if turn > 0 {
					assert.GreaterOrEqual(t, end.Cached, len(history)-1-9*i-2, "a turn reads its new tokens")
				}
				history = append(history, got...)
			}
		})
	}
	all.Wait()
}

// Several texts of one prompt have the tokens that each has alone. The rows of the prompt are those of a session.
func TestCopiesOfAModel(t *testing.T) {
	m := model(t)
	e := start(t, m)
	p := tokens(3, 150)
	session := rwkvtest.NewSession(t, m)
	var want []float32
	require.NoError(t, session.Logits(t.Context(), p, 0, func(_ int, logits []float32) error {
		want = append(want, logits...)
		return nil
	}))
	var rows []float32
	r := sched.Request{Prompt: p, Generate: options(t, 0), Outputs: rwkv.AllLogits, Rows: func(first int, more []float32) error {
		assert.Equal(t, len(rows), first*m.Vocab())
		rows = append(rows, more...)
		return nil
	}}
	streams, err := e.SubmitAll(t.Context(), r, options(t, 1).Sampler, options(t, 2).Sampler, options(t, 3).Sampler)
	require.NoError(t, err)
	for seed, s := range streams {
		got, end := ended(s)
		require.NoError(t, end.Err)
		require.NoError(t, session.Reset())
		var alone []tokenizer.Token
		for piece, err := range generate.Text(t.Context(), session, p, options(t, uint64(seed))) {
			require.NoError(t, err)
			alone = append(alone, piece.Token)
		}
		require.Equal(t, alone, got)
	}
	require.Equal(t, want, rows)
}

// Embeddings are those of engine.Embed, while other texts decode.
func TestEmbeddings(t *testing.T) {
	m := model(t)
	if !m.Exact() {
		t.Skip("the model is not exact here: other chunks give other bits")
	}
	e := start(t, m)
	var texts [][]tokenizer.Token
	for i, n := range []int{3, 1, 700, 30, 1} {
		texts = append(texts, tokens(i, n))
	}
	r := sched.Request{Prompt: tokens(1, 9), Generate: options(t, 1)}
	r.Generate.Limit = 0
	noise, err := e.Submit(t.Context(), r)
	require.NoError(t, err)
	go ended(noise)
	for _, pooling := range []engine.Pooling{engine.LastToken, engine.Mean} {
		var want [][]float32
		require.NoError(t, m.Embed(t.Context(), texts, pooling, engine.SessionOptions{}, func(_ int, embedding []float32) error {
			want = append(want, embedding)
			return nil
		}))
		for i, text := range texts {
			average := engine.NewAverage(m.Config().Embed)
			s, err := e.Submit(t.Context(), sched.Request{Prompt: text, ReadOnly: true, Outputs: pooling.Outputs(), Rows: func(_ int, rows []float32) error {
				average.Add(rows)
				return nil
			}})
			require.NoError(t, err)
			_, end := ended(s)
			require.NoError(t, end.Err)
			require.Equal(t, want[i], average.Row(), "text %d", i)
		}
	}
	noise.Close()
}

// What is not finite is an error of its own text.
func TestNumbersThatAreNotFinite(t *testing.T) {
	m := model(t)
	e := start(t, m)
	session := rwkvtest.NewSession(t, m)
	_, err := session.Prefill(t.Context(), tokens(1, 3))
	require.NoError(t, err)
	damaged, err := session.Snapshot()
	require.NoError(t, err)
	for _, x := range damaged.State {
		x[0] = float32(math.NaN())
	}
	good := func() *sched.Stream {
		s, err := e.Submit(t.Context(), sched.Request{Prompt: tokens(1, 40), Generate: options(t, 7)})
		require.NoError(t, err)
		return s
	}
	want, end := ended(good())
	require.NoError(t, end.Err)
	for _, outputs := range []rwkv.Outputs{rwkv.NoLogits, rwkv.AllLogits, rwkv.AllHidden, rwkv.LastHidden} {
		beside := good()
		r := sched.Request{Prompt: tokens(2, 40), From: &damaged, Outputs: outputs}
		if r.ReadOnly = outputs != rwkv.NoLogits; r.ReadOnly {
			r.Rows = func(int, []float32) error { panic("rows that are not finite were told") }
		} else {
			r.Generate = options(t, 1)
		}
		s, err := e.Submit(t.Context(), r)
		require.NoError(t, err)
		_, end := ended(s)
		var notFinite *engine.NotFiniteError
		require.ErrorAs(t, end.Err, &notFinite)
		got, end := ended(beside)
		require.NoError(t, end.Err)
		require.Equal(t, want, got)
	}
}
