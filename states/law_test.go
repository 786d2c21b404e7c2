package states_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// syllables are the texts of the generated conversations. Each is a token, and so are some pairs of them.
var syllables = []string{"a", "b", "c", " ", "\n", "\n\n", "User:", "Assistant:", "ab", "bc", "abc", " a", "ca", "aa", " b", "U", "s", "e", "r", ":", "A", "i", "t", "n"}

// server reads prompts with a model and a cache, as a scheduler does.
type server struct {
	t     *testing.T
	r     *rand.Rand
	vocab *tokenizer.Vocab
	m     *engine.Model
	slots *engine.Slots
	count int64 // tokens that the slot has read
	tree  *states.Tree
	pool  states.Pool

	read, saved, exact int // tokens, and hits at the end of a prompt
}

// TestAHitGivesTheBitsOfAMiss reads generated conversations with edits, retries, other cuttings and dropped thoughts. It compares what comes
// out after the prompts with what comes out without a cache.
func TestAHitGivesTheBitsOfAMiss(t *testing.T) {
	lib := ggmltest.Library(t)
	var table strings.Builder
	for i, s := range syllables {
		fmt.Fprintf(&table, "%d %q %d\n", i+1, s, len(s))
	}
	vocab, err := tokenizer.ParseVocab(strings.NewReader(table.String()))
	require.NoError(t, err)
	m := rwkvtest.Load(t, lib, rwkvtest.Random(t, synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 32, Seed: 5}, "F32"),
		engine.Options{Device: "cpu", Threads: 1})
	if !m.Exact() {
		t.Skip("the model is not exact on this processor: hits and misses differ by rounding")
	}
	slots, err := m.NewSlots(1, engine.SessionOptions{})
	require.NoError(t, err)
	defer slots.Close()
	v := &server{t: t, r: rand.New(rand.NewPCG(3, 1)), vocab: vocab, m: m, slots: slots, tree: states.NewTree(1_500_000)}
	conversations := 60
	if testing.Short() {
		conversations = 10
	}
	for range conversations {
		v.converse()
	}
	stats := v.tree.Stats()
	t.Logf("%d tokens read, %d saved, %d hits at the end of a prompt, %+v", v.read, v.saved, v.exact, stats)
	require.Greater(t, v.saved, v.read)
	require.Positive(t, v.exact)
	require.Zero(t, stats.Pinned)
	if !testing.Short() {
		require.Positive(t, stats.Evicted)
	}
}

func (v *server) words(most int) string {
	var b strings.Builder
	for range v.r.IntN(most) {
		b.WriteString(syllables[v.r.IntN(len(syllables))])
	}
	return b.String()
}

// converse has one conversation.
func (v *server) converse() {
	system := "User:" + strings.Repeat("abc ab", 20) + "\n\n"
	turns := []string{}
	for range 6 {
		ask := "User:" + v.words(150) + "\n\nAssistant:"
		if n := v.r.IntN(4); n == 0 && len(turns) > 0 {
			turns[len(turns)-1] = ask // another question
		} else {
			turns = append(turns, ask)
		}
		for range 1 + v.r.IntN(2) { // with a retry
			history := system + strings.Join(turns[:len(turns)-1], "")
			answer := v.answer(history+turns[len(turns)-1], states.Marks{System: len(system), History: len(history)})
			if v.r.IntN(3) == 0 {
				answer = answer[v.r.IntN(len(answer)):] // thoughts are dropped
			}
			turns = append(turns[:len(turns)-1], turns[len(turns)-1]+answer+"\n\n")
			if v.r.IntN(2) == 0 {
				break
			}
			turns[len(turns)-1] = ask
		}
	}
}

// answer reads a prompt with the help of the cache, compares, and lets the model say something.
func (v *server) answer(text string, marks states.Marks) string {
	tokens, err := v.vocab.Encode([]byte(text))
	require.NoError(v.t, err)
	p := states.NewPrompt(v.vocab, tokens)
	hit := v.tree.Lookup(here, p, states.Need{Exact: true, Logits: true})
	defer hit.Release()
	v.restore(hit)
	logits, at := hit.Logits, hit.Next
	places := p.Plan(marks, hit.Next, hit.Junction)
	for _, place := range append(places, len(tokens)) {
		if place > at {
			logits = slices.Clone(v.prefill(tokens[at:place]))
			at = place
		}
		if slices.Contains(places, place) {
			v.keep(p, place, hit, logits)
		}
	}
	v.saved += hit.Next
	if hit.Next == len(tokens) {
		v.exact++
	}
	fresh := rwkvtest.NewSession(v.t, v.m)
	want, err := fresh.Prefill(v.t.Context(), tokens)
	require.NoError(v.t, err)
	require.Equal(v.t, want, logits, "after %q, of which %d tokens were known", text, hit.Next)
	return v.say(p, hit)
}

func (v *server) restore(hit *states.Hit) {
	if hit.State == nil {
		v.count = 0
		require.NoError(v.t, v.slots.Begin(0, nil))
		return
	}
	v.count = hit.State.Snapshot().Tokens
	require.NoError(v.t, v.slots.Load(0, hit.State.Snapshot()))
}

func (v *server) prefill(tokens []tokenizer.Token) (logits []float32) {
	for chunk := range slices.Chunk(tokens, engine.MaxChunk) {
		var err error
		logits, err = v.slots.Read(v.t.Context(), [][]tokenizer.Token{chunk}, rwkv.LastLogits)
		require.NoError(v.t, err)
	}
	v.count += int64(len(tokens))
	v.read += len(tokens)
	return logits
}

// say lets the model say random syllables, which may be another cutting of the text, and keeps the state after them.
func (v *server) say(p *states.Prompt, hit *states.Hit) string {
	tokens := slices.Clone(p.Tokens())
	for range 20 + v.r.IntN(40) {
		tokens = append(tokens, tokenizer.Token(1+v.r.IntN(len(syllables))))
	}
	logits := v.prefill(tokens[len(p.Tokens()):])
	said := states.NewPrompt(v.vocab, tokens)
	text := v.vocab.Decode(tokens)
	again, err := v.vocab.Encode(text)
	require.NoError(v.t, err)
	if slices.Equal(again, tokens) || v.r.IntN(2) == 0 { // Cut is wrong for some, as for a client that sends tokens
		v.keep(said, len(tokens), hit, slices.Clone(logits))
	}
	return string(text[len(v.vocab.Decode(p.Tokens())):])
}

func (v *server) keep(p *states.Prompt, at int, hit *states.Hit, logits []float32) {
	s, err := v.pool.New(func(into *engine.Snapshot) error {
		into.Tokens = v.count
		return v.slots.Save(0, into)
	})
	require.NoError(v.t, err)
	defer s.Release()
	c := states.Checkpoint{State: s, Before: hit.Before, Cut: true, Logits: logits, Cost: hit.Cost + time.Duration(at-hit.Next)}
	require.NoError(v.t, v.tree.Put(here, p, at, c))
}
