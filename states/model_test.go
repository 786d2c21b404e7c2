package states_test

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// model does what a Tree does, with a plain map and loops over everything.
type model struct {
	budget  int64
	entries map[string]*known
	age     float64
	orders  int
	evicted int64
}

// known is a checkpoint of the model.
type known struct {
	states.Checkpoint
	space  states.Namespace
	lead   string
	path   []byte
	tokens []tokenizer.Token
	hits   int
	age    float64
	pins   int
	order  int
}

func (k *known) size() int64 {
	return states.EntryBytes + k.State.Bytes() + 4*int64(len(k.Logits))
}

func (m *model) key(space states.Namespace, lead string, path []byte) string {
	return string(space[:]) + lead + "\x00\x00\x00" + string(path)
}

func sameTree(a, b *known) bool { return a.space == b.space && a.lead == b.lead }

// worth looks for the nearest entry above among all.
func (m *model) worth(k *known) float64 {
	cost, nearest := k.Cost, -1
	for _, other := range m.entries {
		if sameTree(k, other) && len(other.path) < len(k.path) && len(other.path) > nearest && bytes.HasPrefix(k.path, other.path) {
			nearest = len(other.path)
			cost = max(0, k.Cost-other.Cost)
		}
	}
	return k.age + math.Sqrt(float64(k.hits))*cost.Seconds()/float64(k.size())
}

// bytes computes the memory of the trees from their sorted texts.
func (m *model) bytes() (total, pinned int64) {
	var all []*known
	for _, k := range m.entries {
		all = append(all, k)
		total += k.size()
		if k.pins > 0 {
			pinned += k.size()
		}
	}
	slices.SortFunc(all, func(a, b *known) int {
		return cmp.Or(bytes.Compare(a.space[:], b.space[:]), cmp.Compare(a.lead, b.lead), bytes.Compare(a.path, b.path))
	})
	places := map[string]bool{} // where texts end or part
	for i, k := range all {
		shared := 0
		if i > 0 && sameTree(all[i-1], k) {
			for last := all[i-1].path; shared < min(len(last), len(k.path)) && last[shared] == k.path[shared]; {
				shared++
			}
		} else {
			total += states.RootBytes + int64(len(k.lead))
		}
		total += int64(len(k.path) - shared)
		places[m.key(k.space, k.lead, k.path)] = true
		if shared > 0 {
			places[m.key(k.space, k.lead, k.path[:shared])] = true
		}
	}
	return total + states.NodeBytes*int64(len(places)), pinned
}

// lookup returns the best entry, and how much of the path any entry shares.
func (m *model) lookup(space states.Namespace, p *states.Prompt, need states.Need) (best *known, next, shared int) {
	lead, path, ends := p.Path()
	for _, k := range m.entries {
		if k.space != space || k.lead != lead {
			continue
		}
		same := 0
		for same < min(len(path), len(k.path)) && path[same] == k.path[same] {
			same++
		}
		shared = max(shared, same)
		at := slices.Index(ends, len(k.path))
		if same < len(k.path) || at < 0 {
			continue
		}
		if need.Logits && at == len(p.Tokens()) && k.Logits == nil {
			continue
		}
		if need.Exact && !k.same(p, at) {
			continue
		}
		if best == nil || len(k.path) > len(best.path) {
			best, next = k, at
		}
	}
	return best, next, shared
}

// same compares tokens, where the tree compares hashes.
func (k *known) same(p *states.Prompt, at int) bool {
	return k.Cut && slices.Equal(k.tokens, p.Tokens()[:at])
}

func (m *model) put(space states.Namespace, p *states.Prompt, at int, c states.Checkpoint) bool {
	lead, path, ends := p.Path()
	k := &known{Checkpoint: c, space: space, lead: lead, path: path[:ends[at]], tokens: p.Tokens()[:at], hits: 1}
	_, pinned := m.bytes()
	if pinned+k.size()+states.RootBytes+int64(len(lead)) > m.budget {
		return false
	}
	key := m.key(space, lead, k.path)
	if old := m.entries[key]; old != nil {
		switch {
		case old.Cut && !c.Cut:
			return true
		case old.Cut && slices.Equal(old.tokens, k.tokens) && (old.Logits != nil || c.Logits == nil):
			return true
		}
		k.hits = old.hits
	}
	k.order = m.orders
	m.orders++
	m.entries[key] = k
	k.pins++ // the new one is not removed for itself
	for total, _ := m.bytes(); total > m.budget; total, _ = m.bytes() {
		if !m.evict() {
			delete(m.entries, key)
			return false
		}
	}
	k.pins--
	k.age = m.age
	return true
}

func (m *model) evict() bool {
	var least string
	for key, k := range m.entries {
		if k.pins > 0 {
			continue
		}
		if least == "" || cmp.Or(cmp.Compare(m.worth(k), m.worth(m.entries[least])), cmp.Compare(k.order, m.entries[least].order)) < 0 {
			least = key
		}
	}
	if least == "" {
		return false
	}
	m.age = max(m.age, m.worth(m.entries[least]))
	m.evicted++
	delete(m.entries, least)
	return true
}

func (m *model) remove(space states.Namespace) {
	for key, k := range m.entries {
		if k.space == space {
			delete(m.entries, key)
		}
	}
}

// script does random things with a Tree and its model.
type script struct {
	t     *testing.T
	r     *rand.Rand
	tree  *states.Tree
	model *model
	texts []string
	hits  []*states.Hit
	uses  []*known // of hits
	most  int      // hits that are never released, as by requests that run for long
	seen  map[string]int
}

// TestTreeDoesWhatAMapDoes runs random scripts.
func TestTreeDoesWhatAMapDoes(t *testing.T) {
	seen, scripts := map[string]int{}, uint64(60)
	if testing.Short() {
		scripts = 12
	}
	for seed := range scripts {
		budget := []int64{100_000, 20_000, 8_000}[seed%3]
		s := script{t: t, r: rand.New(rand.NewPCG(seed, 24)), tree: states.NewTree(budget), seen: seen, most: int(seed%3) * 40,
			model: &model{budget: budget, entries: map[string]*known{}}, texts: []string{""}}
		for range 400 {
			s.step()
		}
		for len(s.hits) > 0 {
			s.release()
		}
		for _, space := range spaces {
			s.tree.Remove(space)
		}
		require.Zero(t, s.tree.Stats().Bytes, "nothing is left of removed checkpoints")
	}
	for _, event := range []string{"exact hit", "hit", "miss", "junction", "kept", "refused", "evicted", "removed", "split", "all pinned"} {
		require.Greater(t, seen[event], int(scripts/3), "the scripts reach: %s; %v", event, seen)
	}
}

var spaces = []states.Namespace{{1}, {2}}

func (s *script) step() {
	switch n := s.r.IntN(100); {
	case n < 45:
		s.put()
	case n < 80:
		s.lookup()
	case n < 99:
		if len(s.hits) > s.most {
			s.release()
		}
	default:
		space := spaces[s.r.IntN(2)]
		s.tree.Remove(space)
		s.model.remove(space)
		s.seen["removed"]++
	}
	require.NoError(s.t, s.tree.Check())
	stats := s.tree.Stats()
	total, pinned := s.model.bytes()
	require.Equal(s.t, total, stats.Bytes)
	require.Equal(s.t, pinned, stats.Pinned)
	require.Len(s.t, s.model.entries, stats.Checkpoints)
	require.Equal(s.t, s.model.evicted, stats.Evicted)
	for _, hit := range s.hits {
		hit.State.Snapshot() // which panics if it was released too often
	}
}

// text returns a new text, mostly one that shares its beginning with older ones.
func (s *script) text() string {
	text := s.texts[s.r.IntN(len(s.texts))]
	if s.r.IntN(3) == 0 {
		text = text[:s.r.IntN(len(text)+1)]
	}
	for range s.r.IntN(4) * s.r.IntN(60) {
		text += []string{"a", "b", " the", "ing", "\n\n", "User:", "é", "0"}[s.r.IntN(8)]
	}
	if len(text) > 2000 {
		text = ""
	}
	if len(s.texts) > 30 {
		s.texts = s.texts[1:]
	}
	s.texts = append(s.texts, text)
	return text
}

// prompt cuts a text as a tokenizer does, or as a model may have done. Some have control tokens.
func (s *script) prompt(text string) (p *states.Prompt, cut bool) {
	tokens := encode(s.t, text)
	if cut = s.r.IntN(3) > 0; !cut {
		tokens = tokens[:0:0]
		for _, half := range halves(text, s.r) {
			tokens = append(tokens, encode(s.t, half)...)
		}
	}
	switch s.r.IntN(20) {
	case 0:
		tokens = slices.Insert(tokens, 0, tokenizer.EndOfText)
	case 1:
		tokens = slices.Insert(tokens, len(tokens)/2, tokenizer.EndOfText)
	}
	return states.NewPrompt(tokenizer.World(), tokens), cut
}

// halves cuts a text at random bytes.
func halves(text string, r *rand.Rand) (parts []string) {
	for len(text) > 0 {
		n := 1 + r.IntN(min(len(text), 20))
		parts, text = append(parts, text[:n]), text[n:]
	}
	return parts
}

func encode(t testing.TB, text string) []tokenizer.Token {
	tokens, err := tokenizer.World().Encode([]byte(text))
	require.NoError(t, err)
	return tokens
}

func (s *script) put() {
	p, cut := s.prompt(s.text())
	if len(p.Tokens()) == 0 {
		return
	}
	at := 1 + s.r.IntN(len(p.Tokens()))
	if _, _, ends := p.Path(); ends[at] == 0 {
		return
	}
	size := []int{1, 500, 2000, 30_000}[min(3, s.r.IntN(40)/12)]
	c := states.Checkpoint{State: state(int64(at), size), Cut: cut, Cost: time.Duration(s.r.IntN(1000)) * time.Millisecond}
	if s.r.IntN(2) == 0 {
		c.Logits = make([]float32, 20)
	}
	space := spaces[s.r.IntN(2)]
	before, nodes := s.model.evicted, s.tree.Nodes()
	want := s.model.put(space, p, at, c)
	err := s.tree.Put(space, p, at, c)
	c.State.Release()
	if want {
		require.NoError(s.t, err)
		s.seen["kept"]++
	} else {
		require.ErrorIs(s.t, err, states.ErrNoRoom)
		s.seen["refused"]++
		if size < 20_000 {
			s.seen["all pinned"]++
		}
	}
	if s.model.evicted > before {
		s.seen["evicted"]++
	}
	if s.tree.Nodes() >= nodes+2 {
		s.seen["split"]++
	}
}

// state returns a state of n numbers after some tokens.
func state(tokens int64, n int) *states.State {
	return states.NewState(engine.Snapshot{Tokens: tokens, State: [][]float32{make([]float32, n)}})
}

func (s *script) lookup() {
	p, _ := s.prompt(s.text())
	space, need := spaces[s.r.IntN(2)], states.Need{Exact: s.r.IntN(2) == 0, Logits: s.r.IntN(2) == 0}
	want, next, shared := s.model.lookup(space, p, need)
	hit := s.tree.Lookup(space, p, need)
	lead, path, ends := p.Path()
	require.Equal(s.t, next, hit.Next)
	s.junction(hit, shared, path, ends)
	if want == nil {
		require.Nil(s.t, hit.State)
		hit.Release()
		s.seen["miss"]++
		return
	}
	require.Same(s.t, want.State, hit.State)
	require.Equal(s.t, want.same(p, next), hit.Cut)
	require.Equal(s.t, hit.State.Snapshot().Tokens, int64(next)+hit.Before)
	require.Equal(s.t, lead, want.lead)
	require.True(s.t, bytes.HasPrefix(path, want.path), "what serves a prompt is its beginning")
	if need.Exact {
		require.True(s.t, hit.Cut)
		s.seen["exact hit"]++
	}
	s.seen["hit"]++
	want.hits++
	want.age = s.model.age
	want.pins++
	s.hits, s.uses = append(s.hits, hit), append(s.uses, want)
}

// junction checks where the prompt leaves what is known.
func (s *script) junction(hit *states.Hit, shared int, path []byte, ends []int) {
	at := 0
	for i, end := range ends {
		if end <= shared {
			at = i
		}
	}
	if shared == len(path) || at < hit.Next+states.Apart {
		at = 0
	}
	require.Equal(s.t, at, hit.Junction)
	if at > 0 {
		s.seen["junction"]++
	}
}

func (s *script) release() {
	if len(s.hits) == 0 {
		return
	}
	i := s.r.IntN(len(s.hits))
	s.hits[i].Release()
	s.hits[i].Release() // the second one does nothing
	s.uses[i].pins--
	s.hits, s.uses = slices.Delete(s.hits, i, i+1), slices.Delete(s.uses, i, i+1)
}
