package sched

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var errFault = errors.New("the device is gone")

// faulty computes some texts, twice, on a machine whose n-th call goes wrong. Texts that end without an error are as they are alone, and all do
// so the second time. It returns what went wrong and how many calls there were.
func faulty(t *testing.T, n int, panics bool) (failed []error, calls int) {
	about := fmt.Sprintf("call %d, panics: %v", n, panics)
	f := newFake(2)
	f.perRead, f.perStep = time.Millisecond, time.Millisecond
	var log bytes.Buffer
	e := New(f, Options{Queue: 8, Quantum: 3, StateMemory: 40, Latency: 10 * time.Millisecond, Tree: states.NewTree(1 << 20), Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer e.Close()
	f.before = func(call string) error {
		if calls++; calls-1 != n {
			return nil
		}
		if panics {
			panic("in " + call)
		}
		return errFault
	}
	cache := Cached{Space: states.NewSecret().Namespace(states.Owner{}), Cut: true, Fill: true}
	for round := range 2 {
		rng := rand.New(rand.NewPCG(41, 1))
		var wants []result
		var all []*Stream
		for i := range uint64(4) {
			p, limit := prompt(rng, 20+10*int(i)), 30-8*int(i)
			r := Request{Prompt: p, Generate: options(i, limit), Keep: i == 1}
			if i%2 == 0 {
				r.Cache = &cache
			}
			streams, err := e.SubmitAll(t.Context(), r, samplers(10+i, 20+i)[:2*(i/2)]...)
			require.NoError(t, err)
			for j, s := range streams {
				want := expected(p, options(10*uint64(j)+i, limit))
				want.state *= b2u(r.Keep)
				wants, all = append(wants, want), append(all, s)
			}
		}
		for i, s := range all {
			got, last := read(s)
			if last.End.Err == nil {
				require.Equal(t, wants[i], got, about)
				continue
			}
			require.Zero(t, round, about)
			failed = append(failed, last.End.Err)
			if p := (*PanicError)(nil); panics {
				require.ErrorAs(t, last.End.Err, &p, about)
				require.ErrorContains(t, last.End.Err, "internal error: in ")
				require.Contains(t, string(p.Stack), "fake_test.go")
				continue
			}
			require.ErrorIs(t, last.End.Err, errFault, about)
		}
		f.before = nil
	}
	require.Equal(t, panics && calls > n, strings.Contains(log.String(), "a panic ended texts"), about)
	e.Close()
	s := e.Stats()
	require.Zero(t, s.Queued+s.Reading+s.Waiting+s.Decoding+s.Parked, about)
	return failed, calls
}

// Whatever call of the machine goes wrong, its texts end with an error, others are right, and the next ones are right.
func TestFaultsOfTheMachine(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, panics := range []bool{false, true} {
		some := 0
		for n, calls := 0, 1; calls > n-step; n += step { // until there is no such call
			synctest.Test(t, func(t *testing.T) {
				var failed []error
				failed, calls = faulty(t, n, panics)
				some += len(failed)
			})
		}
		require.Greater(t, some, 100/step)
	}
}

// When a step fails, the texts that decode fail, and no others.
func TestAStepThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		f.perRead, f.perStep = time.Millisecond, time.Millisecond
		e := New(f, Options{Latency: 20 * time.Millisecond})
		defer e.Close()
		decodes := 0
		f.before = func(call string) error {
			if call == "Decode" {
				if decodes++; decodes == 20 {
					return errFault
				}
			}
			return nil
		}
		rng := rand.New(rand.NewPCG(42, 1))
		var streams []*Stream
		var prompts [][]tokenizer.Token
		for i, n := range []int{5, 5, 5, 1000} {
			prompts = append(prompts, prompt(rng, n))
			s, err := e.Submit(t.Context(), Request{Prompt: prompts[i], Generate: endless(uint64(40+i), 100), Keep: true})
			require.NoError(t, err)
			streams = append(streams, s)
		}
		for i, s := range streams {
			got, last := read(s)
			if i < 2 {
				require.ErrorIs(t, last.End.Err, errFault)
				continue
			}
			require.NoError(t, last.End.Err)
			require.Equal(t, expected(prompts[i], endless(uint64(40+i), 100)), got)
		}
	})
}

// A text whose logits are not finite, whose sampler panics, or whose Rows panic, ends alone.
func TestFaultsOfOneText(t *testing.T) {
	for name, spoil := range map[string]func(f *fake, r *Request){
		"logits": func(f *fake, r *Request) {
			f.spoil = func(rows []float32) error {
				if len(rows) < 2*vocab {
					return nil
				}
				rows[7] = float32(math.NaN()) // in the first slot
				return nil
			}
		},
		"sampler": func(f *fake, r *Request) {
			r.Generate.Sampler, _ = sampler.New(sampler.Options{Bias: func(n int, _ []float32) {
				if n == 3 {
					panic("a grammar")
				}
			}})
		},
		"first token": func(f *fake, r *Request) {
			r.Generate.Sampler, _ = sampler.New(sampler.Options{Bias: func(int, []float32) { panic("a grammar") }})
		},
		"rows": func(f *fake, r *Request) {
			r.Outputs, r.Rows = 2, func(int, []float32) error { panic("a client") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(2)
				f.perRead, f.perStep = time.Millisecond, time.Millisecond
				e := New(f, Options{})
				defer e.Close()
				p := prompt(rand.New(rand.NewPCG(43, 1)), 10)
				r := Request{Prompt: p, Generate: endless(1, 500)}
				spoil(f, &r)
				bad, err := e.Submit(t.Context(), r)
				require.NoError(t, err)
				good, err := e.Submit(t.Context(), Request{Prompt: p, Generate: options(44, 100)})
				require.NoError(t, err)
				_, last := read(bad)
				require.Error(t, last.End.Err)
				got, last := read(good)
				require.NoError(t, last.End.Err)
				want := expected(p, options(44, 100))
				want.state = 0
				require.Equal(t, want, got)
			})
		})
	}
}

// A text that fails because another one leaves its slot ends once, also if it was cancelled.
func TestATextThatFailsEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		f.perStep = time.Millisecond
		var log bytes.Buffer
		e := New(f, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		f.before = func(call string) error {
			if call == "Decode" {
				if steps++; steps == 5 {
					cancel()
				}
			}
			if call == "Move" && steps >= 5 {
				return errFault
			}
			return nil
		}
		var streams []*Stream
		for i := range uint64(2) {
			s, err := e.Submit(ctx, Request{Prompt: prompt(rand.New(rand.NewPCG(44, i)), 5), Generate: endless(i, 1000)})
			require.NoError(t, err)
			streams = append(streams, s)
		}
		for i, want := range []error{context.Canceled, errFault} {
			_, last := read(streams[i])
			require.ErrorIs(t, last.End.Err, want)
		}
		e.Close()
		require.Empty(t, log.String())
	})
}
