package sched

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// samplers returns those of options with some seeds.
func samplers(seeds ...uint64) (all []*sampler.Sampler) {
	for _, seed := range seeds {
		all = append(all, options(seed, 0).Sampler)
	}
	return all
}

// Several texts of one prompt are what each would be alone, with and without a cache, and the prompt is read once.
func TestCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		f.perRead, f.perStep = time.Millisecond, time.Millisecond
		e := New(f, Options{Tree: states.NewTree(1 << 30)})
		defer e.Close()
		p := prompt(rand.New(rand.NewPCG(11, 1)), 100)
		c := Cached{Space: states.NewSecret().Namespace(states.Owner{}), Cut: true, Fill: true}
		free := func(seed uint64) generate.Options {
			o := options(seed, 60)
			o.Stop = nil
			return o
		}
		for turn := range uint64(4) {
			before := e.Stats().Read.Tokens
			streams, err := e.SubmitAll(t.Context(), Request{Prompt: p, Generate: free(turn), Keep: true, Cache: &c}, samplers(10+turn, 20+turn, 30+turn, 40+turn)...)
			require.NoError(t, err)
			var longest result
			for i, s := range streams {
				got, last := read(s)
				require.NoError(t, last.End.Err)
				require.Equal(t, expected(p, free(10*uint64(i)+turn)), got, "text %d", i)
				require.Equal(t, []int{len(p), len(p) - int(e.Stats().Read.Tokens-before)}, []int{last.End.Prompt, last.End.Cached})
				if len(got.text) > len(longest.text) {
					longest = got
				}
			}
			if turn > 0 {
				require.LessOrEqual(t, e.Stats().Read.Tokens-before, int64(10+1), "each answer left its state")
			}
			answer, err := tokenizer.ABC().Encode([]byte(longest.text))
			require.NoError(t, err)
			p = append(append(p[:len(p):len(p)], answer...), prompt(rand.New(rand.NewPCG(11, turn)), 10)...)
		}
	})
}

// If the text that reads the prompt ends, another one goes on reading.
func TestCopiesWithoutTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.perRead = 10 * time.Millisecond
		e := New(f, Options{Latency: 100 * time.Millisecond})
		defer e.Close()
		rng := rand.New(rand.NewPCG(12, 1))
		p := prompt(rng, 300)
		streams, err := e.SubmitAll(t.Context(), Request{Prompt: p, Generate: options(1, 50), Keep: true}, samplers(2, 3, 4)...)
		require.NoError(t, err)
		streams[0].Close() // before its turn
		streams[2].Close() // while it waits
		time.Sleep(1005 * time.Millisecond)
		short, err := e.Submit(t.Context(), Request{Prompt: p[:40], Generate: options(7, 10)}) // the states of both take turns in the Reader
		require.NoError(t, err)
		time.Sleep(400 * time.Millisecond)
		streams[1].Close() // while it reads
		got, last := read(streams[3])
		require.NoError(t, last.End.Err)
		require.Equal(t, expected(p, options(4, 50)), got)
		_, last = read(short)
		require.NoError(t, last.End.Err)
		for _, s := range streams[:3] {
			_, last := read(s)
			require.Equal(t, generate.Cancelled, last.Reason)
			require.Error(t, last.End.Err)
		}
		require.EqualValues(t, 340, e.Stats().Read.Tokens, "nothing is read twice")
	})
}

// A reading that fails ends all texts of the prompt. A sampler that fails ends its own.
func TestCopiesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		f.perRead = time.Millisecond
		e := New(f, Options{Queue: 4})
		defer e.Close()
		p := prompt(rand.New(rand.NewPCG(13, 1)), 30)
		r := func() Request { return Request{Prompt: p, Generate: options(1, 20), Keep: true} }
		f.before = func(call string) error {
			if call != "Read" {
				return nil
			}
			f.before = nil
			return errors.New("the device is gone")
		}
		streams, err := e.SubmitAll(t.Context(), r(), samplers(2, 3)...)
		require.NoError(t, err)
		for _, s := range streams {
			_, last := read(s)
			require.ErrorContains(t, last.End.Err, "the device is gone")
		}
		for broken := range 3 {
			bad, err := sampler.New(sampler.Options{Limit: 1, Logits: map[tokenizer.Token]float64{0: math.Inf(-1)}})
			require.NoError(t, err)
			all := samplers(0, 1, 2)
			all[broken] = bad
			first := r()
			first.Generate.Sampler = all[0]
			streams, err := e.SubmitAll(t.Context(), first, all[1:]...)
			require.NoError(t, err)
			for i, s := range streams {
				got, last := read(s)
				if i == broken {
					require.ErrorContains(t, last.End.Err, "tokens are banned")
					continue
				}
				require.NoError(t, last.End.Err)
				require.Equal(t, expected(p, options(uint64(i), 20)), got)
			}
		}

		_, err = e.SubmitAll(t.Context(), r(), samplers(2, 3, 4, 5)...)
		require.ErrorContains(t, err, "5 texts at once, at most 4 are possible")
		waiting, err := e.SubmitAll(t.Context(), r(), samplers(2)...)
		require.NoError(t, err)
		_, err = e.SubmitAll(t.Context(), r(), samplers(2, 3)...)
		var busy *BusyError
		require.ErrorAs(t, err, &busy)
		for _, s := range waiting {
			_, last := read(s)
			require.NoError(t, last.End.Err, "it is not disturbed by texts that had no room")
		}
		twice := r()
		_, err = e.SubmitAll(t.Context(), twice, twice.Generate.Sampler)
		require.ErrorContains(t, err, "two texts with one sampler")
		_, err = e.SubmitAll(t.Context(), r(), nil)
		require.ErrorContains(t, err, "without a sampler")
		_, err = e.SubmitAll(t.Context(), Request{Prompt: p, ReadOnly: true}, samplers(1)...)
		require.ErrorContains(t, err, "only reads its prompt")
	})
}
