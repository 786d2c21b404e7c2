package sched

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// answered submits a request with a cache and returns how it ended.
func answered(t *testing.T, e *Engine, p []tokenizer.Token, seed uint64, limit int, c Cached) (result, *End) {
	s, err := e.Submit(t.Context(), Request{Prompt: p, Generate: options(seed, limit), Keep: true, Cache: &c})
	require.NoError(t, err)
	got, last := read(s)
	require.NoError(t, last.End.Err)
	return got, last.End
}

// conversation talks for some turns. The user may edit what was said, ask for another answer, or drop the end of the last answer. Each
// answer is the same as without a cache.
func conversation(t *testing.T, e *Engine, space states.Namespace, seed uint64) (cached, all int) {
	rng := rand.New(rand.NewPCG(seed, 8))
	history := prompt(rand.New(rand.NewPCG(seed%5, 9)), 40) // a system's turn that several conversations share
	for range 2 + rng.IntN(4) {
		switch rng.IntN(5) {
		case 0: // the end of the last answer is dropped
			history = history[:max(1, len(history)-rng.IntN(20))]
		case 1: // an edit
			history[rng.IntN(len(history))] = 'z'
		}
		at := len(history)
		p := append(history[:at:at], prompt(rng, 1+rng.IntN(50))...)
		c := Cached{Space: space, Marks: states.Marks{System: 40, History: at}, Cut: true, Fill: rng.IntN(8) > 0}
		answers := rng.Uint64()
		var got result
		for range 1 + rng.IntN(2) { // a retry has another seed
			answers++
			limit := rng.IntN(70)
			var end *End
			got, end = answered(t, e, p, answers, limit, c)
			require.Equal(t, expected(p, options(answers, limit)), got, "seed %d", seed)
			cached, all = cached+end.Cached, all+len(p)
		}
		answer, err := tokenizer.ABC().Encode([]byte(got.text))
		require.NoError(t, err)
		history = append(p, answer...)
	}
	return cached, all
}

// Hits are misses to the bit, in thousands of conversations, with room for all states and for few of them.
func TestConversationsWithACache(t *testing.T) {
	conversations := uint64(3000)
	if testing.Short() {
		conversations = 100
	}
	for _, budget := range []int64{1 << 30, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(3)
			f.perRead, f.perStep = time.Millisecond, time.Millisecond
			tree := states.NewTree(budget)
			e := New(f, Options{Tree: tree})
			defer e.Close()
			secret := states.NewSecret()
			var mu sync.Mutex
			cached, all := 0, 0
			var talkers sync.WaitGroup
			for talker := range uint64(8) {
				space := secret.Namespace(states.Owner{Tenant: string(rune('a' + talker%2))})
				talkers.Go(func() {
					for seed := talker; seed < conversations; seed += 8 {
						c, a := conversation(t, e, space, seed)
						mu.Lock()
						cached, all = cached+c, all+a
						mu.Unlock()
					}
				})
			}
			talkers.Wait()
			if budget > 1<<20 {
				require.Greater(t, cached, all/2, "most of the prompts was not read again")
			}
			require.Positive(t, tree.Stats().Hits)
			require.Zero(t, tree.Stats().Wrong)
			require.LessOrEqual(t, tree.Stats().Bytes, budget)
		})
	}
}

// The second turn reads its new tokens only, also if the answer comes back as text, if its end was dropped, or if nothing is new.
func TestSecondTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		e := New(f, Options{Tree: states.NewTree(1 << 30)})
		defer e.Close()
		c := Cached{Space: states.NewSecret().Namespace(states.Owner{}), Cut: true, Fill: true}
		first := prompt(rand.New(rand.NewPCG(6, 6)), 200)
		got, end := answered(t, e, first, 1, 60, c)
		require.Zero(t, end.Cached)
		answer, err := tokenizer.ABC().Encode([]byte(got.text))
		require.NoError(t, err)
		require.Greater(t, len(answer), 20)

		second := append(append(first[:200:200], answer...), prompt(rand.New(rand.NewPCG(7, 7)), 10)...)
		before := e.Stats().Read.Tokens
		got, end = answered(t, e, second, 2, 10, c)
		require.Equal(t, expected(second, options(2, 10)), got)
		require.LessOrEqual(t, e.Stats().Read.Tokens-before, int64(10+1), "the new tokens, and one that the answer had not read")
		require.EqualValues(t, len(second)-end.Cached, e.Stats().Read.Tokens-before)

		again := append(first[:200:200], prompt(rand.New(rand.NewPCG(8, 8)), 7)...)
		before = e.Stats().Read.Tokens
		got, _ = answered(t, e, again, 3, 10, c)
		require.Equal(t, expected(again, options(3, 10)), got)
		require.EqualValues(t, 7, e.Stats().Read.Tokens-before, "from before the answer")

		before = e.Stats().Read.Tokens
		got, end = answered(t, e, first, 9, 30, c)
		require.Equal(t, expected(first, options(9, 30)), got)
		require.Zero(t, e.Stats().Read.Tokens-before, "another answer reads nothing")
		require.Equal(t, 200, end.Cached)

		other := c
		other.Space = states.NewSecret().Namespace(states.Owner{})
		_, end = answered(t, e, first, 9, 30, other)
		require.Zero(t, end.Cached, "other tenants share nothing")
	})
}
