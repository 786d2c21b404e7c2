package states_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var here = states.Namespace{7}

// long is the beginning of a prompt that is worth a checkpoint.
var long = strings.Repeat("The goose swims on the lake. ", 20)

func cut(t testing.TB, text string) *states.Prompt {
	return states.NewPrompt(tokenizer.World(), encode(t, text))
}

// put keeps a small state after a prompt's first tokens, or after all if at is 0.
func put(t testing.TB, tree *states.Tree, p *states.Prompt, at int, c states.Checkpoint) *states.State {
	t.Helper()
	if at == 0 {
		at = len(p.Tokens())
	}
	c.State = state(c.Before+int64(at), 8)
	defer c.State.Release()
	require.NoError(t, tree.Put(here, p, at, c))
	return c.State
}

func TestAnAnswerThatComesBackAsTextHits(t *testing.T) {
	tree := states.NewTree(1 << 20)
	question := encode(t, long+"Assistant:")
	sampled := append(question, encode(t, " wat")...)
	sampled = append(sampled, encode(t, "er bird")...)
	said := states.NewPrompt(tokenizer.World(), sampled)
	kept := put(t, tree, said, 0, states.Checkpoint{Cost: time.Second})

	next := cut(t, long+"Assistant: water bird\n\nUser: And?")
	hit := tree.Lookup(here, next, states.Need{Logits: true})
	defer hit.Release()
	require.Same(t, kept, hit.State)
	assert.Equal(t, encode(t, "\n\nUser: And?"), next.Tokens()[hit.Next:], "only the new tokens are read")
	assert.False(t, hit.Cut)
	assert.NotEqual(t, len(sampled), hit.Next)
	assert.EqualValues(t, len(sampled)-hit.Next, hit.Before, "the state has read more tokens than the cutting has")

	put(t, tree, next, 0, states.Checkpoint{Before: hit.Before})
	assert.Nil(t, tree.Lookup(here, next, states.Need{Exact: true}).State, "sampled tokens give other bits than cut ones")
	put(t, tree, said, 0, states.Checkpoint{Cut: true}) // as if the model's tokens were those of the cutting
	assert.Nil(t, tree.Lookup(here, next, states.Need{Exact: true}).State, "the tokens are compared, whatever the caller says")
	exact := tree.Lookup(here, said, states.Need{Exact: true})
	defer exact.Release()
	assert.Equal(t, len(sampled), exact.Next)
	assert.True(t, exact.Cut)
}

func TestACheckpointInsideOfATokenDoesNotServe(t *testing.T) {
	tree := states.NewTree(1 << 20)
	put(t, tree, cut(t, long+"\n\nUser"), 0, states.Checkpoint{Cut: true})
	put(t, tree, cut(t, long+"a goo"), 0, states.Checkpoint{Cut: true})
	p := cut(t, long+"a goose")
	hit := tree.Lookup(here, p, states.Need{})
	defer hit.Release()
	assert.Nil(t, hit.State)
	assert.Equal(t, string(tokenizer.World().Decode(p.Tokens()[:hit.Junction])), long+"a", "the last token that begins before the texts part")
}

func TestTheEndOfAPromptNeedsLogits(t *testing.T) {
	tree := states.NewTree(1 << 20)
	p := cut(t, long)
	put(t, tree, p, 20, states.Checkpoint{Cut: true})
	put(t, tree, p, 0, states.Checkpoint{Cut: true})
	for _, tc := range []struct {
		need states.Need
		next int
	}{{states.Need{Logits: true}, 20}, {states.Need{}, len(p.Tokens())}} {
		hit := tree.Lookup(here, p, tc.need)
		assert.Equal(t, tc.next, hit.Next)
		hit.Release()
	}
	logits := []float32{1, 2}
	put(t, tree, p, 0, states.Checkpoint{Cut: true, Logits: logits})
	put(t, tree, p, 0, states.Checkpoint{Cut: true}) // does not replace what has more
	hit := tree.Lookup(here, p, states.Need{Logits: true})
	defer hit.Release()
	assert.Equal(t, len(p.Tokens()), hit.Next)
	assert.Equal(t, logits, hit.Logits)
}

func TestJunctionsAreWhereManyPromptsPart(t *testing.T) {
	tree := states.NewTree(1 << 20)
	first, second, third := cut(t, long+"first"), cut(t, long+"second"), cut(t, long+"third")
	put(t, tree, first, 0, states.Checkpoint{Cut: true})
	hit := tree.Lookup(here, second, states.Need{Exact: true})
	hit.Release()
	require.Nil(t, hit.State)
	require.Equal(t, len(encode(t, long)), hit.Junction+1, "the last blank belongs to the next word's token")
	put(t, tree, second, hit.Junction, states.Checkpoint{Cut: true})
	hit = tree.Lookup(here, third, states.Need{Exact: true})
	hit.Release()
	assert.Equal(t, len(encode(t, long)), hit.Next+1)
	assert.Zero(t, hit.Junction, "the checkpoint is there")
}

func TestTenantsShareNothing(t *testing.T) {
	secret := states.NewSecret()
	ann, bob := states.Owner{Tenant: "ann"}, states.Owner{Tenant: "bob"}
	salted := states.Owner{Tenant: "ann", Salt: "a user of ann's"}
	tree := states.NewTree(1 << 20)
	p := cut(t, long)
	s := state(int64(len(p.Tokens())), 8)
	defer s.Release()
	require.NoError(t, tree.Put(secret.Namespace(ann), p, len(p.Tokens()), states.Checkpoint{State: s}))
	for owner, want := range map[*states.Owner]bool{&ann: true, &bob: false, &salted: false} {
		hit := tree.Lookup(secret.Namespace(*owner), p, states.Need{})
		assert.Equal(t, want, hit.State != nil, "%+v", *owner)
		assert.Zero(t, hit.Junction, "nor do they see where others' prompts go on")
		hit.Release()
	}
}

func TestTokensWithoutBytes(t *testing.T) {
	text := encode(t, long)
	begun := append([]tokenizer.Token{tokenizer.EndOfText}, text...)
	between := append(append([]tokenizer.Token{}, text...), tokenizer.EndOfText, text[0])
	world := tokenizer.World()
	tree := states.NewTree(1 << 20)
	put(t, tree, states.NewPrompt(world, text), 0, states.Checkpoint{Cut: true})
	for name, p := range map[string]*states.Prompt{
		"a begin token makes another text":                       states.NewPrompt(world, begun),
		"a control token in the middle makes a prompt of ids":    states.NewPrompt(world, between),
		"without a tokenizer there are ids only":                 states.NewPrompt(nil, text),
		"a token that the tokenizer lacks makes a prompt of ids": states.NewPrompt(world, append(text[:30:30], 65535, 5)),
	} {
		hit := tree.Lookup(here, p, states.Need{})
		require.Nil(t, hit.State, name)
		put(t, tree, p, 25, states.Checkpoint{Cut: true})
		hit = tree.Lookup(here, p, states.Need{Exact: true})
		require.Equal(t, 25, hit.Next, name)
		hit.Release()
		tree.Remove(here)
		put(t, tree, states.NewPrompt(world, text), 0, states.Checkpoint{Cut: true})
	}
	require.ErrorContains(t, tree.Put(here, states.NewPrompt(world, begun), 1, states.Checkpoint{State: state(1, 1)}), "there is no text to find it by")
}

func TestCheckpointsThatDoNotBelongThere(t *testing.T) {
	tree := states.NewTree(1 << 20)
	p := cut(t, "one two three")
	s := state(2, 8)
	defer s.Release()
	for want, at := range map[string]int{
		"after 0 of 3 tokens": 0, "after 4 of 3 tokens": 4, "has read 2 tokens, want 0 and 3 of the prompt": 3,
	} {
		require.ErrorContains(t, tree.Put(here, p, at, states.Checkpoint{State: s}), want)
	}
	require.Error(t, tree.Put(here, p, 2, states.Checkpoint{State: s, Before: 1}))
	require.Zero(t, tree.Stats().Checkpoints)
	require.ErrorIs(t, states.NewTree(1000).Put(here, p, 2, states.Checkpoint{State: s, Logits: make([]float32, 250)}), states.ErrNoRoom)
}

// filler returns prompts that share a beginning, and a tree with room for n of them.
func filler(t *testing.T, n, prompts int) (*states.Tree, []*states.Prompt) {
	var list []*states.Prompt
	for i := range prompts {
		list = append(list, cut(t, fmt.Sprintf("%sThis is number %d.", long, i)))
	}
	return states.NewTree(int64(n)*(32_000+1000) + 2000), list
}

func keep(t *testing.T, tree *states.Tree, p *states.Prompt, at int, cost time.Duration) error {
	s := state(int64(at), 8_000)
	defer s.Release()
	return tree.Put(here, p, at, states.Checkpoint{State: s, Cut: true, Cost: cost})
}

func has(tree *states.Tree, p *states.Prompt, at int) bool {
	hit := tree.Lookup(here, p, states.Need{})
	defer hit.Release()
	return hit.Next == at
}

func TestWhatIsCheapToMakeAgainGoesFirst(t *testing.T) {
	tree, p := filler(t, 4, 3)
	end := len(p[0].Tokens())
	for i, at := range []int{50, 60, 110, end} { // the second one saves the least
		require.NoError(t, keep(t, tree, p[0], at, []time.Duration{50, 60, 110, 150}[i]*time.Second))
	}
	require.NoError(t, keep(t, tree, p[1], end, 150*time.Second))
	first60 := states.NewPrompt(tokenizer.World(), p[0].Tokens()[:60])
	require.True(t, has(tree, first60, 50), "the dense checkpoint inside is gone, the anchor stays")
	require.EqualValues(t, 1, tree.Stats().Evicted)
	require.True(t, has(tree, p[0], end))
	require.True(t, has(tree, p[1], end))
}

func TestWhatManyUseStaysAndWhatNobodyUsesFades(t *testing.T) {
	tree, p := filler(t, 4, 40)
	at := len(p[0].Tokens()) - 8
	require.NoError(t, keep(t, tree, p[0], at, 10*time.Second))
	for i := range p {
		end := len(p[i].Tokens())
		hit := tree.Lookup(here, p[i], states.Need{Exact: true})
		require.Equal(t, at, hit.Next, "the common beginning stays")
		require.NoError(t, keep(t, tree, p[i], end, 13*time.Second))
		hit.Release()
		require.True(t, has(tree, p[i], end), "a new one replaces an idle one")
	}
}

func TestWhatRequestsUseStays(t *testing.T) {
	tree, p := filler(t, 2, 3)
	end := len(p[0].Tokens())
	require.NoError(t, keep(t, tree, p[0], end, 1))
	require.NoError(t, keep(t, tree, p[1], end, 1))
	hits := []*states.Hit{tree.Lookup(here, p[0], states.Need{}), tree.Lookup(here, p[1], states.Need{}), tree.Lookup(here, p[1], states.Need{})}
	require.ErrorIs(t, keep(t, tree, p[2], end, time.Hour), states.ErrNoRoom)
	require.Zero(t, tree.Stats().Evicted, "nothing was removed in vain")
	hits[1].Release()
	require.ErrorIs(t, keep(t, tree, p[2], end, time.Hour), states.ErrNoRoom, "another request uses it")
	hits[2].Release()
	require.NoError(t, keep(t, tree, p[2], end, time.Hour))
	tree.Remove(here)
	require.Zero(t, tree.Stats().Bytes)
	hits[0].State.Snapshot() // still held
	hits[0].Release()
	require.NoError(t, tree.Check())
}

func TestAStateThatChangedItsPlaceIsNotUsed(t *testing.T) {
	tree := states.NewTree(1 << 20)
	p := cut(t, long)
	put(t, tree, p, 50, states.Checkpoint{Cut: true})
	put(t, tree, p, 90, states.Checkpoint{Cut: true}).MoveBy(1)
	hit := tree.Lookup(here, p, states.Need{Exact: true})
	defer hit.Release()
	require.Equal(t, 50, hit.Next)
	require.EqualValues(t, 1, tree.Stats().Wrong)
	require.Equal(t, 1, tree.Stats().Checkpoints)
	require.NoError(t, tree.Check())
}

// TestTreesAreSharedByGoroutines is for the race detector, and checks the tree afterwards.
func TestTreesAreSharedByGoroutines(t *testing.T) {
	tree, pool := states.NewTree(200_000), &states.Pool{}
	names := open(t, states.NamesOptions{Layout: layout(1), Each: states.Limit{States: 3}})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 300 {
				visit(t, r, tree, pool, names)
			}
		})
	}
	wg.Wait()
	require.NoError(t, tree.Check())
	require.Positive(t, tree.Stats().Hits)
	require.Positive(t, tree.Stats().Evicted)
	require.Zero(t, tree.Stats().Pinned)
}

func visit(t *testing.T, r *rand.Rand, tree *states.Tree, pool *states.Pool, names *states.Names) {
	tokens := encode(t, fmt.Sprint(long[:29*r.IntN(10)], r.IntN(3), long[:29*r.IntN(3)]))
	p := states.NewPrompt(tokenizer.World(), tokens)
	hit := tree.Lookup(here, p, states.Need{Exact: true})
	defer hit.Release()
	if hit.State != nil {
		for _, x := range hit.State.Snapshot().State[0] {
			assert.InDelta(t, hit.State.Snapshot().Tokens, x, 0, "the memory of a state in use is not used for another")
		}
	}
	s, err := pool.New(func(into *engine.Snapshot) error { return fill(into, int64(len(tokens)), float32(len(tokens))) })
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Release()
	_ = tree.Put(here, p, len(tokens), states.Checkpoint{State: s, Cut: true, Cost: time.Duration(len(tokens))})
	_, err = names.Put("ann", fmt.Sprint("n", r.IntN(5)), s, 0)
	assert.True(t, err == nil || errors.Is(err, states.ErrLimit), err)
	if r.IntN(50) == 0 {
		tree.Remove(here)
	}
}

func TestMemoryIsCounted(t *testing.T) {
	tree := states.NewTree(1 << 40)
	r := rand.New(rand.NewPCG(1, 2))
	encode(t, long) // loads the vocabulary
	before := heap()
	for range 4_000 { // texts of all lengths, with states that are next to nothing
		text := long[:r.IntN(len(long))]
		tokens := append(encode(t, text), encode(t, fmt.Sprint(r.Uint64(), text[:len(text)/3]))...)
		p := states.NewPrompt(tokenizer.World(), tokens)
		put(t, tree, p, 0, states.Checkpoint{})
	}
	taken := heap() - before
	counted := tree.Stats().Bytes
	require.InEpsilon(t, counted, taken, 0.25, "counted %d bytes, Go says %d", counted, taken)
	runtime.KeepAlive(tree)
}

func TestShortTextsDoNotKeepTheMemoryOfLongOnes(t *testing.T) {
	tree := states.NewTree(500_000)
	before := heap()
	for i := range 200 {
		p := states.NewPrompt(nil, append([]tokenizer.Token{tokenizer.Token(i)}, make([]tokenizer.Token, 25_000)...))
		put(t, tree, p, 0, states.Checkpoint{})
		put(t, tree, p, 50, states.Checkpoint{Cost: time.Hour}) // this one stays
	}
	require.Greater(t, tree.Stats().Checkpoints, 200)
	require.Less(t, heap()-before, int64(1_000_000))
	runtime.KeepAlive(tree)
}

// heap returns the bytes that are in use. What other tests left in pools and finalizers is gone after several collections.
func heap() int64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzLookup puts checkpoints at texts that the input holds, and looks each of them up. It checks the answers against comparing all.
func FuzzLookup(f *testing.F) {
	f.Add([]byte("User: hello\n\nAssistant:"), uint64(1))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), uint64(2))
	f.Add([]byte("\xff\xfe\x00\x00\xf0\x9f\x98\x80 goose goose goose"), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		defer fuzzing.Guard(t, len(data), 1<<16)()
		data = data[:min(len(data), 1000)]
		s := script{t: t, r: rand.New(rand.NewPCG(seed, 0)), tree: states.NewTree(50_000), seen: map[string]int{},
			model: &model{budget: 50_000, entries: map[string]*known{}}}
		for len(data) > 0 {
			n := 1 + s.r.IntN(len(data))
			s.texts = append(s.texts, string(data[:n]), string(data[n:]))
			data = data[n/2+1:]
		}
		for range min(len(s.texts), 12) {
			s.step()
			s.put()
			s.lookup()
		}
		for len(s.hits) > 0 {
			s.release()
		}
		require.NoError(t, s.tree.Check())
	})
}
