// Package states keeps copies of a model's state, so that a text which was read once need not be read again.
//
// A Tree finds the longest beginning of a prompt that it has a checkpoint for. It compares the bytes of texts, so it also finds an answer
// that comes back as text and is cut into other tokens than the model chose. A checkpoint serves a prompt if the bytes before it are equal
// and a token of the prompt begins there. Exact requests also need equal tokens. All checkpoints share one budget of memory, and those that
// are worth least are removed. Names holds states that have a name, in memory or in a folder. Both count the holders of a State and copy
// none.
//
// Limits: the tree is in memory. The package does not read tokens, and it trusts that a state belongs to the text that comes with it.
package states

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNoRoom reports that a checkpoint was not kept: it is larger than the budget, or requests use too much of the rest.
var ErrNoRoom = errors.New("no room for the checkpoint")

// Checkpoint is a state after the first tokens of a prompt.
type Checkpoint struct {
	State *State
	// Before is State.Snapshot().Tokens minus the number of the prompt's tokens that it stands for: the tokens of the state that the text
	// began with. A sequence that began with a Hit has the Before of the hit.
	Before int64
	// Cut tells that the state has read exactly these tokens of the prompt, and that whoever sends the text again sends the same tokens:
	// cutting the text gives them. A sequence that began with a Hit without Cut has no Cut either.
	Cut bool
	// Logits are those after the last token, [vocabulary], or nil. They must not change any more.
	Logits []float32
	// Cost is the time to read the text from its beginning up to here: that of the hit and the time since.
	Cost time.Duration
}

// Need says which checkpoints serve a request.
type Need struct {
	Exact  bool // only those with the same tokens, so that hit and miss give the same bits
	Logits bool // at the end of the prompt, only those with logits
}

// Hit is the answer of Lookup. The caller calls Release when the request has ended.
type Hit struct {
	// Checkpoint is the one that serves the prompt. Its State is nil if there is none. The hit holds the State. Cut tells that the tokens
	// behind the state are those of this prompt.
	Checkpoint
	Next     int // how many of the prompt's tokens need not be read
	Junction int // the number of tokens after which the prompt leaves all known texts, where it is worth a checkpoint; else 0

	tree  *Tree
	entry *entry
}

// root identifies a tree of texts.
type root struct {
	space Namespace
	lead  string
}

// rootBytes is the memory of a root: its node, its key and its place in the map.
const rootBytes = nodeBytes + 160

func (r root) size() int64 { return rootBytes + int64(len(r.lead)) }

// Tree is a cache of checkpoints. Goroutines may share it.
type Tree struct {
	mu     sync.Mutex
	roots  map[root]*node
	free   worths // the entries that no request uses
	age    float64
	orders int64
	stats  Stats
}

// Stats says what a Tree holds and what it did.
type Stats struct {
	Budget      int64 // bytes
	Bytes       int64 // in use, at most Budget
	Pinned      int64 // bytes of checkpoints that requests use
	Checkpoints int
	Hits        int64
	Misses      int64
	Evicted     int64 // checkpoints that made room for others
	Wrong       int64 // checkpoints removed because they were not at the place that they should have been at
}

// NewTree returns an empty tree for a number of bytes.
func NewTree(budget int64) *Tree {
	return &Tree{roots: map[root]*node{}, stats: Stats{Budget: budget}}
}

// Lookup returns the checkpoint that saves most of reading a prompt. The checkpoint counts as used, and Put does not remove it before Release.
// It takes about 0.1 ms for a prompt of 100,000 bytes.
func (t *Tree) Lookup(space Namespace, p *Prompt, need Need) *Hit {
	t.mu.Lock()
	defer t.mu.Unlock()
	hit := &Hit{tree: t}
	known := 0
	if top := t.roots[root{space, p.lead}]; top != nil {
		known = t.follow(top, p, need, hit)
	}
	if at := p.before(known); known < len(p.path) && at >= hit.Next+apart {
		hit.Junction = at
	}
	if hit.entry == nil {
		t.stats.Misses++
		return hit
	}
	t.stats.Hits++
	t.use(hit.entry)
	hit.State.Hold()
	return hit
}

// follow looks for a prompt's checkpoints below a root and writes the deepest into hit. It returns how much of the path the tree has.
func (t *Tree) follow(top *node, p *Prompt, need Need, hit *Hit) (known int) {
	var wrong []*entry
	hash := running{prompt: p}
	known = top.walk(p.path, func(n *node, depth int) {
		at, e := p.before(depth), n.entry
		switch {
		case e == nil || p.depth(at) != depth || need.Logits && at == len(p.tokens) && e.Logits == nil:
			return
		case e.depth != depth || e.read != e.State.snapshot.Tokens:
			wrong = append(wrong, e)
			return
		}
		cut := e.Cut && e.sum == hash.upTo(at)
		if cut || !need.Exact {
			hit.entry, hit.Checkpoint, hit.Next = e, e.Checkpoint, at
			hit.Cut, hit.Before = cut, e.read-int64(at)
		}
	})
	for _, e := range wrong {
		t.stats.Wrong++
		t.remove(e)
	}
	return known
}

// use pins an entry and refreshes it. Those above are as old as before.
func (t *Tree) use(e *entry) {
	e.hits++
	e.age = t.age
	t.free.drop(e)
	if e.pins++; e.pins == 1 {
		t.stats.Pinned += e.size()
	}
}

// Release ends the use of a hit. It is safe to call twice, and on a miss.
func (h *Hit) Release() {
	e := h.entry
	if e == nil {
		return
	}
	h.entry = nil
	t := h.tree
	t.mu.Lock()
	if e.pins--; e.pins == 0 && e.node != nil {
		t.stats.Pinned -= e.size()
		t.free.add(e)
	}
	t.mu.Unlock()
	h.State.Release()
}

// Put keeps a checkpoint after the first at tokens of a prompt, which must have bytes. The tree holds the State itself, so the caller still
// releases its own. If the place has a checkpoint, the new one replaces it. The old one stays if it has Cut and the new one does not, or if
// it stands for the same tokens and has all that the new one has. To make room, Put removes what is worth least. The error is ErrNoRoom, or
// says that the state does not belong to the place.
func (t *Tree) Put(space Namespace, p *Prompt, at int, c Checkpoint) error {
	if at < 1 || at > len(p.tokens) || p.depth(at) == 0 {
		return fmt.Errorf("a checkpoint after %d of %d tokens: there is no text to find it by", at, len(p.tokens))
	}
	read := c.State.Snapshot().Tokens
	if read != c.Before+int64(at) {
		return fmt.Errorf("the state has read %d tokens, want %d and %d of the prompt", read, c.Before, at)
	}
	e := &entry{Checkpoint: c, root: root{space, p.lead}, depth: p.depth(at), read: read, hits: 1, heap: -1}
	if c.Cut {
		hash := running{prompt: p}
		e.sum = hash.upTo(at)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.put(p.path[:e.depth], e)
}

func (t *Tree) put(path []byte, e *entry) error {
	if t.stats.Pinned+e.size()+e.root.size() > t.stats.Budget {
		return ErrNoRoom
	}
	top := t.roots[e.root]
	if top == nil {
		top = &node{}
		t.roots[e.root] = top
		t.stats.Bytes += e.root.size()
	}
	place, added := top.insert(path)
	t.stats.Bytes += added
	if old := place.entry; old != nil {
		if old.betterThan(e) {
			return nil
		}
		e.hits = old.hits
		t.detach(old)
	}
	e.node, e.order, place.entry = place, t.orders, e
	t.orders++
	e.State.Hold()
	t.stats.Bytes += e.size()
	t.stats.Checkpoints++
	place.below(t.free.fix)
	t.evict()
	if t.stats.Bytes > t.stats.Budget {
		t.remove(e)
		return ErrNoRoom
	}
	e.age = t.age
	t.free.add(e)
	return nil
}

// betterThan reports whether an entry has all that a new one for the same place would bring.
func (e *entry) betterThan(c *entry) bool {
	if e.Cut != c.Cut {
		return e.Cut
	}
	return e.Cut && e.sum == c.sum && (e.Logits != nil || c.Logits == nil)
}

// evict removes what is worth least until the rest fits, or until there is nothing else to remove.
func (t *Tree) evict() {
	for t.stats.Bytes > t.stats.Budget && len(t.free) > 0 {
		e := t.free[0]
		t.age = max(t.age, e.worth)
		t.stats.Evicted++
		t.remove(e)
	}
}

// Remove removes all checkpoints of a namespace. Requests that use one still hold its state.
func (t *Tree) Remove(space Namespace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r, top := range t.roots {
		for r.space == space && len(top.next) > 0 {
			top.below(t.remove)
		}
	}
}

// remove removes an entry and the nodes that only it needed.
func (t *Tree) remove(e *entry) {
	n := e.node
	t.detach(e)
	n.below(t.free.fix)
	t.stats.Bytes -= n.prune()
	if top := t.roots[e.root]; len(top.next) == 0 {
		delete(t.roots, e.root)
		t.stats.Bytes -= e.root.size()
	}
}

// detach takes an entry out of its node.
func (t *Tree) detach(e *entry) {
	t.free.drop(e)
	if e.pins > 0 {
		t.stats.Pinned -= e.size()
	}
	t.stats.Bytes -= e.size()
	t.stats.Checkpoints--
	e.node.entry, e.node = nil, nil
	e.State.Release()
}

// Stats returns what the tree holds now and what it did so far.
func (t *Tree) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}
