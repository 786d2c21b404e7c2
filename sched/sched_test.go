package sched

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// read reads a stream to its end.
func read(s *Stream) (r result, last Event) {
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		r.text += e.Text
		last = e
	}
	r.reason = last.Reason
	if last.End != nil && last.End.State != nil {
		f := newFake(1)
		_ = f.Load(0, *last.End.State)
		r.state = after(f.slots[0], last.Unread)
	}
	return r, last
}

func prompt(rng *rand.Rand, n int) []tokenizer.Token {
	tokens := make([]tokenizer.Token, n)
	for i := range tokens {
		tokens[i] = tokenizer.Token('a' + rng.IntN(26))
	}
	return tokens
}

// script runs a random script: some texts arrive at random times, alone or several with one prompt, are read at random speeds, are cancelled,
// or end. Each text that ends by itself is the same as alone, as is the state behind it. Prompts are read once, and states take no more memory
// than they may.
func script(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	f := newFake(1 + rng.IntN(4))
	f.perRead, f.perStep, f.perer = time.Duration(rng.IntN(3))*time.Millisecond, time.Duration(rng.IntN(10))*time.Millisecond, time.Millisecond
	memory := rng.IntN(5)
	e := New(f, Options{
		Quantum: 1 + rng.IntN(20), StateMemory: 1 + int64(8*memory), Latency: time.Duration(1+rng.IntN(40)) * time.Millisecond,
		Alone: rng.IntN(8) == 0, WriteTimeout: time.Hour,
	})
	var all sync.WaitGroup
	prompts, cancelled, kept := 0, rng.IntN(2) == 0, rng.IntN(2) == 0
	for i := range 1 + rng.IntN(6) {
		p, limit, arrival := prompt(rng, 1+rng.IntN(60)), rng.IntN(120), time.Duration(rng.IntN(300))*time.Millisecond
		keep, tenant, copies := kept && rng.IntN(2) == 0, fmt.Sprint(rng.IntN(3)), make([]reader, 1+rng.IntN(4)*rng.IntN(2))
		var ask *Probabilities
		if rng.IntN(3) == 0 {
			ask = &Probabilities{Top: rng.IntN(6), Sampled: rng.IntN(2) == 0}
		}
		r := Request{Tenant: tenant, Prompt: p, Keep: keep, Probabilities: ask}
		rows := &rowCheck{}
		if rng.IntN(4) == 0 {
			r.Outputs = []rwkv.Outputs{rwkv.LastLogits, rwkv.AllLogits, rwkv.LastHidden, rwkv.AllHidden}[rng.IntN(4)]
			if rows = checkRows(p, r.Outputs); r.Outputs.Hidden() {
				copies, r.ReadOnly = copies[:1], true
			}
			r.Rows = rows.take
		}
		prompts += len(p)
		for j := range copies {
			c := &copies[j]
			*c = reader{name: fmt.Sprintf("seed %d, text %d.%d", seed, i, j), seed: rng.Uint64(), patience: -1}
			if rng.IntN(4) == 0 {
				c.pause = time.Duration(rng.IntN(30)) * time.Millisecond
			}
			if cancelled && rng.IntN(4) == 0 {
				c.patience = time.Duration(rng.IntN(500)) * time.Millisecond
			}
		}
		all.Go(func() {
			time.Sleep(arrival)
			r.Generate = options(copies[0].seed, limit)
			var more []*sampler.Sampler
			for _, c := range copies[1:] {
				more = append(more, options(c.seed, 0).Sampler)
			}
			streams, err := e.SubmitAll(t.Context(), r, more...)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				return
			}
			var texts sync.WaitGroup
			for j, c := range copies {
				want := likely(p, options(c.seed, limit), ask)
				if r.ReadOnly {
					want = result{reason: Read, state: follow(1, p...)}
				}
				want.state *= b2u(keep)
				texts.Go(func() { c.read(t, streams[j], want) })
			}
			texts.Wait()
			if rows.err != nil || !cancelled && rows.got != len(rows.want) {
				t.Errorf("seed %d, text %d: %d of %d numbers: %v", seed, i, rows.got, len(rows.want), rows.err)
			}
		})
	}
	all.Wait()
	if err := e.Drain(t.Context()); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	e.Close()
	s := e.Stats()
	if s.Queued+s.Reading+s.Waiting+s.Decoding+s.Parked > 0 {
		t.Errorf("seed %d: %+v at the end", seed, s)
	}
	if !cancelled && s.Read.Tokens != int64(prompts) {
		t.Errorf("seed %d: read %d tokens of %d", seed, s.Read.Tokens, prompts)
	}
	if most := len(f.slots) - 1 + max(1, memory); !kept && f.states > most {
		t.Errorf("seed %d: memory for %d states, at most %d are allowed", seed, f.states, most)
	}
}

// reader is how a text of a script is read.
type reader struct {
	name            string
	seed            uint64        // of the sampler
	pause, patience time.Duration // after each event, and until the text is cancelled; negative is never
}

// read reads a text and compares it with what is wanted.
func (r reader) read(t *testing.T, s *Stream, want result) {
	if r.patience >= 0 {
		defer time.AfterFunc(r.patience, s.Close).Stop()
	}
	var got result
	var last Event
	for event, ok := s.Next(); ok; event, ok = s.Next() {
		got.text += event.Text
		got.likely += weigh(event.Probabilities)
		last = event
		time.Sleep(r.pause)
	}
	if got.reason = last.Reason; last.End.Err != nil {
		got.text = got.text[:max(0, len(got.text)-2)] // without what may be the start of a stop string
		if r.patience < 0 || !strings.HasPrefix(want.text, got.text) {
			t.Errorf("%s: %v after %q, want %v", r.name, last.End.Err, got.text, want)
		}
		return
	}
	if last.End.State != nil {
		g := newFake(1)
		_ = g.Load(0, *last.End.State)
		got.state = after(g.slots[0], last.Unread)
	}
	if got != want {
		t.Errorf("%s: %v, want %v", r.name, got, want)
	}
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func TestTextsAreLikeAlone(t *testing.T) {
	scripts := uint64(6_000)
	if testing.Short() {
		scripts = 300
	}
	for seed := range scripts {
		synctest.Test(t, func(t *testing.T) { script(t, seed) })
		if t.Failed() {
			return
		}
	}
}

// A long prompt delays nobody by more than the latency and a step.
func TestNobodyStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency, step = 100 * time.Millisecond, 12 * time.Millisecond
		f := newFake(4)
		f.perRead, f.perStep, f.perer = time.Millisecond, 10*time.Millisecond, 500*time.Microsecond
		e := New(f, Options{Latency: latency})
		defer e.Close()
		rng := rand.New(rand.NewPCG(1, 1))
		var all sync.WaitGroup
		for i := range 3 {
			s, err := e.Submit(t.Context(), Request{Tenant: "short", Prompt: prompt(rng, 5), Generate: endless(uint64(i), 600)})
			require.NoError(t, err)
			all.Go(func() {
				gap, at := time.Duration(0), time.Time{}
				for event, ok := s.Next(); ok; event, ok = s.Next() {
					if now := time.Now(); event.Token != 0 {
						if !at.IsZero() {
							gap = max(gap, now.Sub(at))
						}
						at = now
					}
				}
				assert.LessOrEqual(t, gap, latency+2*step)
			})
		}
		time.Sleep(200 * time.Millisecond)
		long, err := e.Submit(t.Context(), Request{Tenant: "long", Prompt: prompt(rng, 10_000), Generate: endless(9, 1)})
		require.NoError(t, err)
		started := time.Now()
		all.Go(func() {
			_, last := read(long)
			assert.NoError(t, last.End.Err)
			assert.Less(t, time.Since(started), 25*time.Second, "reading has half of the time")
		})
		time.Sleep(time.Second)
		question, err := e.Submit(t.Context(), Request{Tenant: "question", Prompt: prompt(rng, 10), Generate: endless(8, 1)})
		require.NoError(t, err)
		asked := time.Now()
		read(question)
		assert.Less(t, time.Since(asked), 3*latency+4*step, "a short prompt passes a long one")
		all.Wait()
	})
}

// endless is options for a text without words, that only the limit ends.
func endless(seed uint64, limit int) generate.Options {
	o := options(seed, limit)
	o.Stop, o.Vocab = nil, nil
	return o
}

// Two tenants get the same time, whatever the number of their texts.
func TestTenantsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		f.perRead, f.perStep = time.Millisecond, 10*time.Millisecond
		const quantum = 16
		e := New(f, Options{Quantum: quantum})
		defer e.Close()
		rng := rand.New(rand.NewPCG(2, 1))
		tokens := map[string]int{}
		var mu sync.Mutex
		var streams sync.WaitGroup
		begin := func(tenant string) {
			s, err := e.Submit(t.Context(), Request{Tenant: tenant, Prompt: prompt(rng, 4), Generate: endless(rng.Uint64(), 100_000)})
			require.NoError(t, err)
			streams.Go(func() {
				for event, ok := s.Next(); ok; event, ok = s.Next() {
					mu.Lock()
					if event.End == nil && event.Read == 0 {
						tokens[tenant]++
					}
					mu.Unlock()
				}
			})
		}
		for range 50 {
			begin("many")
		}
		for range 3 {
			begin("few")
		}
		time.Sleep(100 * time.Second)
		mu.Lock()
		many, few := tokens["many"], tokens["few"]
		mu.Unlock()
		assert.InDelta(t, many, few, 0.1*float64(many)+2*quantum)
		assert.Greater(t, e.Stats().Swaps, int64(100), "texts take turns")
		e.Close()
		streams.Wait()
	})
}

// A stream that nobody reads is parked, disturbs nobody, and is cancelled in the end.
func TestStreamsThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.perStep = time.Millisecond
		e := New(f, Options{WriteTimeout: 10 * time.Second})
		defer e.Close()
		rng := rand.New(rand.NewPCG(3, 1))
		silent, err := e.Submit(t.Context(), Request{Prompt: prompt(rng, 3), Generate: endless(1, 1000)})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Equal(t, 1, e.Stats().Parked)
		other := Request{Prompt: prompt(rng, 3), Generate: endless(2, 50)}
		s, err := e.Submit(t.Context(), other)
		require.NoError(t, err)
		_, last := read(s)
		require.NoError(t, last.End.Err)
		time.Sleep(20 * time.Second)
		require.Zero(t, e.Stats().Parked)
		_, last = read(silent)
		require.ErrorIs(t, last.End.Err, context.DeadlineExceeded)
		require.Equal(t, generate.Cancelled, last.Reason)
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.perStep = time.Millisecond
		e := New(f, Options{Queue: 2})
		good := func() Request {
			return Request{Prompt: []tokenizer.Token{'a'}, Generate: endless(1, 1000), Timeout: 5 * time.Second}
		}
		bad := good()
		bad.Prompt = nil
		_, err := e.Submit(t.Context(), bad)
		require.ErrorContains(t, err, "without a prompt")
		bad.Prompt = []tokenizer.Token{'a', vocab}
		_, err = e.Submit(t.Context(), bad)
		require.ErrorContains(t, err, "token 128 at position 1 of the prompt: the model knows 0 to 127")
		bad = good()
		bad.Generate.Sampler = nil
		_, err = e.Submit(t.Context(), bad)
		require.ErrorContains(t, err, "without a sampler")
		bad = good()
		bad.Probabilities = &Probabilities{Top: -1}
		_, err = e.Submit(t.Context(), bad)
		require.ErrorContains(t, err, "-1 likeliest tokens")
		bad = good()
		bad.Generate.Stop = []string{""}
		_, err = e.Submit(t.Context(), bad)
		require.Error(t, err)

		first, err := e.Submit(t.Context(), good())
		require.NoError(t, err)
		second, err := e.Submit(t.Context(), good())
		require.NoError(t, err)
		_, err = e.Submit(t.Context(), good())
		var busy *BusyError
		require.ErrorAs(t, err, &busy)
		require.ErrorContains(t, err, "the model is busy: try again in 1s")
		first.Close()
		_, last := read(first)
		require.ErrorIs(t, last.End.Err, context.Canceled)
		_, last = read(second)
		require.NoError(t, last.End.Err)
		require.Equal(t, generate.Limit, last.Reason)

		f.before = func(string) error { return errors.New("the device is gone") }
		third, err := e.Submit(t.Context(), good())
		require.NoError(t, err)
		_, last = read(third)
		require.ErrorContains(t, last.End.Err, "the device is gone")
		f.before = nil

		ended, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		fourth, err := e.Submit(t.Context(), Request{Prompt: []tokenizer.Token{'a'}, Generate: endless(1, 100_000)})
		require.NoError(t, err)
		go read(fourth)
		require.ErrorIs(t, e.Drain(ended), context.DeadlineExceeded)
		_, err = e.Submit(t.Context(), good())
		require.ErrorIs(t, err, ErrClosed)
		e.Close()
	})
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.perStep, f.perRead = 10*time.Millisecond, 10*time.Millisecond
		e := New(f, Options{})
		defer e.Close()
		r := Request{Prompt: []tokenizer.Token{'a', 'b'}, Generate: endless(4, 100_000), Timeout: time.Second, Keep: true}
		s, err := e.Submit(t.Context(), r)
		require.NoError(t, err)
		_, last := read(s)
		require.NoError(t, last.End.Err)
		require.Equal(t, generate.Limit, last.Reason)
		require.Equal(t, 20*time.Millisecond, last.End.Read)
		require.NotNil(t, last.End.State)
		require.EqualValues(t, 2, last.End.Prompt)
		require.EqualValues(t, last.End.Prompt+last.End.Tokens-1, last.End.State.Tokens, "the last token is unread")
	})
}

// A text in the background is read when nobody else needs the machine. Another text goes on from its state.
func TestTheBackgroundWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.perStep, f.perRead = 10*time.Millisecond, 10*time.Millisecond
		e := New(f, Options{})
		defer e.Close()
		begin := prompt(rand.New(rand.NewPCG(4, 1)), 100)
		front, err := e.Submit(t.Context(), Request{Prompt: begin[:50], Generate: endless(1, 100)})
		require.NoError(t, err)
		back, err := e.Submit(t.Context(), Request{Prompt: begin, ReadOnly: true, Background: true, Keep: true})
		require.NoError(t, err)
		_, last := read(front)
		require.NoError(t, last.End.Err)
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, 1, e.Stats().Reading)
		second := time.Now()
		front, err = e.Submit(t.Context(), Request{Prompt: begin[:1], Generate: endless(1, 1)})
		require.NoError(t, err)
		_, last = read(front)
		require.NoError(t, last.End.Err)
		require.Less(t, time.Since(second), time.Second+100*time.Millisecond, "after a chunk")
		_, last = read(back)
		require.NoError(t, last.End.Err)
		require.Equal(t, Read, last.Reason)
		require.Equal(t, []any{100, 0, int64(100)}, []any{last.End.Prompt, last.End.Tokens, last.End.State.Tokens})

		next, err := e.Submit(t.Context(), Request{Prompt: []tokenizer.Token{'a'}, From: last.End.State, Generate: options(5, 40), Keep: true})
		require.NoError(t, err)
		got, _ := read(next)
		require.Equal(t, expected(append(begin, 'a'), options(5, 40)), got)
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(4)
		f.perStep, f.perRead = 10*time.Millisecond, 10*time.Millisecond
		e := New(f, Options{})
		defer e.Close()
		require.Equal(t, make([]Slot, 4), e.Slots())
		p := prompt(rand.New(rand.NewPCG(51, 1)), 200)
		first, err := e.Submit(t.Context(), Request{Prompt: p[:10], Generate: endless(1, 600)})
		require.NoError(t, err)
		for range 5 {
			_, ok := first.Next()
			require.True(t, ok)
		}
		second, err := e.Submit(t.Context(), Request{Prompt: p, Generate: endless(2, 20), Timeout: time.Minute})
		require.NoError(t, err)
		third, err := e.Submit(t.Context(), Request{Prompt: p[:30], ReadOnly: true})
		require.NoError(t, err)
		event, ok := third.Next()
		require.True(t, ok)
		time.Sleep(15 * time.Millisecond) // into the step after its first chunk
		slots := e.Slots()
		require.Equal(t, []Slot{{true, 10, 10, 0, slots[0].Generated, 600}, {true, 200, slots[1].Read, 0, 0, 20}, {true, 30, event.Read, 0, 0, 0}, {}}, slots)
		require.Positive(t, slots[0].Generated)
		s := e.Stats()
		require.Equal(t, []int{0, 2, 0, 1, 0}, []int{s.Queued, s.Reading, s.Waiting, s.Decoding, s.Parked})
		read(first)
		read(second)
		read(third)
		time.Sleep(time.Second)
		require.Equal(t, make([]Slot, 4), e.Slots())
		s = e.Stats()
		require.Equal(t, []int64{240, 599 + 19}, []int64{s.Read.Tokens, s.Decoded.Tokens})
		require.Equal(t, 2400*time.Millisecond, s.Read.Time)
		require.Equal(t, time.Duration(s.Decoded.Steps)*10*time.Millisecond, s.Decoded.Time)
		require.EqualValues(t, 599, s.Decoded.Steps, "both texts went on in one graph")
		require.GreaterOrEqual(t, s.Read.Steps, int64(4))
	})
}
