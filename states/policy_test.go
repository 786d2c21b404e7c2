package states_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// users have conversations with three applications, and some send texts that nobody continues.
type users struct {
	r       *rand.Rand
	tree    *states.Tree
	memory  [][]float32 // of all states: only their size counts
	systems [][]tokenizer.Token
	all     []conversation
}

type conversation struct {
	tokens []tokenizer.Token
	turns  []int // where prompts and answers end, by turns
}

// BenchmarkConversations simulates 30 users and reports how many tokens of conversations are read for each token that a perfect cache
// would read, for trees of some numbers of states and for some percentages of texts that nobody continues.
func BenchmarkConversations(b *testing.B) {
	for _, single := range []int{0, 30, 70} {
		for _, size := range []int{20, 60, 120} {
			b.Run(fmt.Sprintf("%dsingle/%dstates", single, size), func(b *testing.B) {
				var read, fresh int
				for seed := uint64(0); b.Loop(); seed++ {
					u := newUsers(seed, size)
					for range 2500 {
						r, f := u.visit(b, u.r.IntN(100) < single)
						read, fresh = read+r, fresh+f
					}
				}
				b.ReportMetric(float64(read)/float64(fresh), "read/new")
			})
		}
	}
}

func newUsers(seed uint64, size int) *users {
	u := &users{r: rand.New(rand.NewPCG(seed, 9)), tree: states.NewTree(int64(size) * 1_020_000), memory: [][]float32{make([]float32, 250_000)}}
	for _, n := range []int{1000, 300, 3000} {
		u.systems = append(u.systems, u.words(n))
	}
	u.all = make([]conversation, 30)
	for i := range u.all {
		u.all[i] = u.begin()
	}
	return u
}

func (u *users) words(n int) []tokenizer.Token {
	words := make([]tokenizer.Token, n)
	for i := range words {
		words[i] = tokenizer.Token(u.r.IntN(60_000))
	}
	return words
}

func (u *users) begin() conversation { return conversation{tokens: u.systems[u.r.IntN(3)]} }

// visit lets a user send a prompt and get an answer. A quarter of the users send twice as much. It returns the number of tokens of the
// prompt that were read, and how many of them were new.
func (u *users) visit(b *testing.B, single bool) (read, fresh int) {
	c := &u.all[u.r.IntN(len(u.all)>>(2*u.r.IntN(2)))]
	if u.r.IntN(8) == 0 {
		*c = u.begin()
	}
	if single {
		once := u.begin()
		once.tokens = join(once.tokens, u.words(u.r.IntN(900)))
		c = &once
	}
	question := u.words(10 + u.r.IntN(60))
	old, last := c.tokens, len(c.turns)
	switch n := u.r.IntN(20); {
	case n < 2 && last > 0: // another answer
		old, question, c.turns = old[:c.turns[last-2]], nil, c.turns[:last-2]
	case n < 3 && last > 2: // another question
		old, c.turns = old[:c.turns[last-3]], c.turns[:last-2]
	}
	asked := join(old, question)
	answered := join(asked, u.words(20+u.r.IntN(400)))
	p := states.NewPrompt(nil, answered[:len(asked)])
	hit := u.tree.Lookup(here, p, states.Need{})
	defer hit.Release()
	for _, at := range p.Plan(states.Marks{}, hit.Next, hit.Junction) {
		u.put(b, p, at)
	}
	u.put(b, states.NewPrompt(nil, answered), len(answered))
	c.tokens, c.turns = answered, append(c.turns, len(asked), len(answered))
	if single {
		return 0, 0
	}
	return len(asked) - hit.Next, len(question)
}

func join(a, b []tokenizer.Token) []tokenizer.Token { return append(a[:len(a):len(a)], b...) }

func (u *users) put(b *testing.B, p *states.Prompt, at int) {
	s := states.NewState(engine.Snapshot{Tokens: int64(at), State: u.memory})
	defer s.Release()
	require.NoError(b, u.tree.Put(here, p, at, states.Checkpoint{State: s, Cut: true, Cost: time.Duration(at) * time.Millisecond}))
}
