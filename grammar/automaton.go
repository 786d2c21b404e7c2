package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Automaton runs a grammar over a vocabulary, and keeps the masks that it computed. Goroutines may share it, and all texts of a grammar
// should, since they need the same masks.
//
// It is a pushdown automaton that follows all readings of a text at once. A stack is a list of frames, a set of stacks is a node. Nodes
// and frames are unique, so a step from a node by a byte is computed once. The depth of stacks is limited by instr.need, which never
// leads into a dead end.
type Automaton struct {
	*program
	vocab *Vocabulary
	part  string // its key on a Shelf

	mu     sync.Mutex
	nodes  map[string]*node
	frames map[frame]*frame
	size   int           // roughly the bytes of nodes and their masks
	shared *atomic.Int64 // the sizes of all automata of a Shelf; nil without one
	age    int           // how often the caches were emptied
	work   int           // of the operation that runs
	err    error
	dead   *node
	path   []*node // of a walk, by depth

	// Of the closure that is computed.
	items   []item
	ends    bool
	visited []item
	more    map[item]bool
	key     []byte
}

// frame is one entry of a stack: what runs when the rule or the body above it returns. The bottom of a stack is nil.
type frame struct {
	pc    int32 // an opRepeat, or what follows a call
	count int32 // opRepeat: how often its body runs, with this time
	depth int32
	below *frame
	*frameCache
}

// frameCache is what is known of a frame. It is no part of a frame's identity.
type frameCache struct {
	id uint32
}

// item is one reading of a text: a byte that may come next, and the stack below.
type item struct {
	pc int32
	f  *frame
}

// node is a set of readings.
type node struct {
	items []item
	ends  bool    // the text may end here
	next  []*node // by class of bytes; nil where not computed
	alike *node   // see alikeNode
	mask  Mask
	age   int
}

func newAutomaton(p *program, v *Vocabulary) *Automaton {
	a := &Automaton{program: p, vocab: v, dead: &node{}, path: make([]*node, v.longest+1), more: map[item]bool{}}
	a.empty()
	return a
}

// empty forgets all nodes. States keep theirs, and current moves them to new ones.
func (a *Automaton) empty() {
	for _, n := range a.nodes {
		clear(n.next)
		n.alike, n.mask = nil, nil
	}
	a.nodes, a.frames = map[string]*node{}, map[frame]*frame{}
	a.grow(-a.size)
	a.age++
}

// begin prepares an operation from n and returns the node to start from. The caller holds the lock.
func (a *Automaton) begin(n *node) *node {
	a.work, a.err = 0, nil
	if a.full() {
		a.empty()
	}
	if n == a.dead || n.age == a.age {
		return n
	}
	a.reset()
	a.ends = n.ends
	moved := map[*frame]*frame{nil: nil}
	for _, it := range n.items {
		a.items = append(a.items, item{it.pc, a.move(it.f, moved)})
	}
	return a.intern()
}

// move returns the frame like f of the present age.
func (a *Automaton) move(f *frame, moved map[*frame]*frame) *frame {
	if to, ok := moved[f]; ok {
		return to
	}
	to := a.push(f.pc, f.count, a.move(f.below, moved))
	moved[f] = to
	return to
}

func (a *Automaton) start() *node {
	a.reset()
	a.add(a.program.start, nil)
	return a.intern()
}

// step returns the node after a byte of a class, or dead if no reading allows it.
func (a *Automaton) step(n *node, class uint8) *node {
	if n.next == nil {
		n.next = make([]*node, len(a.members))
	}
	if to := n.next[class]; to != nil {
		return to
	}
	b := a.members[class]
	a.reset()
	for _, it := range n.items {
		if in := &a.code[it.pc]; in.set.has(b) {
			a.add(in.next, it.f)
		}
	}
	if a.err != nil {
		return a.dead
	}
	to := a.intern()
	n.next[class] = to
	return to
}

func (a *Automaton) reset() {
	a.items, a.visited, a.ends = a.items[:0], a.visited[:0], false
	clear(a.more)
}

// add follows everything that takes no byte from pc on.
func (a *Automaton) add(pc int32, f *frame) {
	in := &a.code[pc]
	if f.height()+in.need > MaxDepth || a.seen(item{pc, f}) {
		return
	}
	switch in.op {
	case opByte:
		a.items = append(a.items, item{pc, f})
	case opSplit:
		for _, to := range in.targets {
			a.add(to, f)
		}
	case opCall:
		if a.code[in.next].op == opReturn { // nothing to come back for
			a.add(in.body, f)
		} else {
			a.add(in.body, a.push(in.next, 0, f))
		}
	case opRepeat:
		a.repeat(pc, 0, f)
	case opReturn:
		switch {
		case f == nil:
			a.ends = true
		case a.code[f.pc].op == opRepeat:
			a.repeat(f.pc, f.count, f.below)
		default:
			a.add(f.pc, f.below)
		}
	}
}

// repeat continues a repetition whose body ran count times.
func (a *Automaton) repeat(pc, count int32, below *frame) {
	in := &a.code[pc]
	if count < in.most {
		next := count + 1
		if in.most == int32(unlimited) {
			next = min(next, in.least)
		}
		a.add(in.body, a.push(pc, next, below))
	}
	if count >= in.least {
		a.add(in.next, below)
	}
}

// seen reports whether it was added before, and counts the work.
func (a *Automaton) seen(it item) bool {
	const few = 24
	a.work++
	if a.work > maxWork || len(a.items) > MaxStacks {
		a.fail()
		return true
	}
	if slices.Contains(a.visited, it) {
		return true
	}
	if len(a.visited) < few {
		a.visited = append(a.visited, it)
		return false
	}
	if a.more[it] {
		return true
	}
	a.more[it] = true
	return false
}

func (a *Automaton) fail() {
	switch {
	case a.err != nil:
	case len(a.items) > MaxStacks:
		a.err = fmt.Errorf("the grammar is too ambiguous: it reads the text in more than %d ways at once", MaxStacks)
	default:
		a.err = fmt.Errorf("the grammar is too expensive: one token needs more than %d steps", maxWork)
	}
}

func (f *frame) height() int32 {
	if f == nil {
		return 0
	}
	return f.depth
}

// push returns the frame on top of below.
func (a *Automaton) push(pc, count int32, below *frame) *frame {
	key := frame{pc: pc, count: count, depth: below.height() + 1, below: below}
	if f := a.frames[key]; f != nil {
		return f
	}
	f := new(frame)
	*f = key
	f.frameCache = &frameCache{id: uint32(len(a.frames)) + 1}
	a.frames[key] = f
	a.grow(160)
	return f
}

// intern returns the node of the items that were added.
func (a *Automaton) intern() *node {
	if len(a.items) == 0 && !a.ends {
		return a.dead
	}
	slices.SortFunc(a.items, func(x, y item) int {
		if x.pc != y.pc {
			return int(x.pc) - int(y.pc)
		}
		return int(int64(x.f.number()) - int64(y.f.number()))
	})
	a.items = slices.Compact(a.items)
	a.key = a.key[:0]
	for _, it := range a.items {
		a.key = binary.LittleEndian.AppendUint32(a.key, uint32(it.pc))
		a.key = binary.LittleEndian.AppendUint32(a.key, it.f.number())
	}
	if a.ends {
		a.key = append(a.key, 1)
	}
	if n := a.nodes[string(a.key)]; n != nil {
		return n
	}
	n := &node{items: slices.Clone(a.items), ends: a.ends, age: a.age}
	a.nodes[string(a.key)] = n
	a.grow(3*len(a.key) + 8*len(a.members) + 200)
	a.work += nodeWork
	return n
}

func (f *frame) number() uint32 {
	if f == nil {
		return 0
	}
	return f.id
}

// alikeNode returns a node that allows the same tokens as n. They differ in counts of repetitions that are further from their bounds
// than the longest token has bytes. So the inside of a long string has one mask.
func (a *Automaton) alikeNode(n *node) *node {
	if n.alike == nil {
		n.alike = a.alikeWithin(n, int32(a.vocab.longest))
	}
	return n.alike
}

// alikeWithin returns a node that allows the same texts of at most far bytes as n: every pass of a repetition takes a byte.
func (a *Automaton) alikeWithin(n *node, far int32) *node {
	moved := map[*frame]*frame{nil: nil}
	a.reset()
	a.ends = n.ends
	for _, it := range n.items {
		a.items = append(a.items, item{it.pc, a.alikeFrame(it.f, far, moved)})
	}
	return a.intern()
}

func (a *Automaton) alikeFrame(f *frame, far int32, moved map[*frame]*frame) *frame {
	if to, ok := moved[f]; ok {
		return to
	}
	count, in := f.count, &a.code[f.pc]
	if count != in.usual(count) && far <= in.distance(count) {
		count = in.usual(count)
	}
	to := a.push(f.pc, count, a.alikeFrame(f.below, far, moved))
	moved[f] = to
	return to
}

// usual returns the count that stands for count where the bounds are far away.
func (in *instr) usual(count int32) int32 {
	switch {
	case in.op != opRepeat || in.nullable:
		return count
	case count < in.least:
		return 0
	}
	return in.least
}

// distance returns how many passes may end before the next bound matters.
func (in *instr) distance(count int32) int32 {
	if count < in.least {
		return in.least - count - 1
	}
	return in.most - count - 1
}

// distance returns the least distance of counts that are not usual; impossible without any.
func (a *Automaton) distance(n *node) int32 {
	least := int32(impossible)
	seen := map[*frame]bool{}
	for _, it := range n.items {
		for f := it.f; f != nil && !seen[f]; f = f.below {
			seen[f] = true
			if in := &a.code[f.pc]; f.count != in.usual(f.count) {
				least = min(least, in.distance(f.count))
			}
		}
	}
	return least
}

// maskOf returns the mask of n, which alikeNode returned.
func (a *Automaton) maskOf(n *node) Mask {
	const worthwhile = 4 // bytes; most tokens are longer than fewer
	if n.mask != nil {
		return n.mask
	}
	mask, longer := make(Mask, a.vocab.words), 0
	if d := a.distance(n); d >= worthwhile && d != impossible {
		// Tokens of at most d bytes are those of a node far from the bounds.
		base := a.maskOf(a.alikeNode(a.alikeWithin(n, d)))
		if a.err != nil {
			return nil
		}
		copy(mask, base)
		longer = int(d)
		for _, t := range a.vocab.longerThan(longer) {
			mask.clear(t)
		}
	}
	a.walk(n, mask, longer)
	if a.err != nil {
		return nil
	}
	n.mask = mask
	a.grow(8 * len(mask))
	return mask
}

// walk sets, in the mask of n, the tokens of more bytes than longer whose bytes lead somewhere, and those that end the text.
func (a *Automaton) walk(n *node, mask Mask, longer int) {
	v := a.vocab
	a.path[0] = n
	for i := 0; i < len(v.trie); {
		t := &v.trie[i]
		if int(t.reach) <= longer {
			i = int(t.skip)
			continue
		}
		from := a.path[t.depth]
		class := a.class[t.label]
		var to *node
		if from.next != nil {
			to = from.next[class]
		}
		if to == nil {
			to = a.step(from, class)
			if a.err != nil {
				return
			}
		}
		if to == a.dead {
			i = int(t.skip)
			continue
		}
		a.path[t.depth+1] = to
		if t.token >= 0 && int(t.depth) >= longer {
			mask.set(t.token)
		}
		i++
	}
	for _, same := range v.same {
		if mask.Has(same.first) {
			mask.set(same.other)
		}
	}
	if n.ends {
		for _, t := range v.ends {
			mask.set(t)
		}
	}
}

// Mask is a set of tokens: token t is bit t%64 of word t/64.
type Mask []uint64

// Has reports whether the mask allows a token.
func (m Mask) Has(t tokenizer.Token) bool {
	return t >= 0 && int(t)/64 < len(m) && m[t/64]>>(t%64)&1 != 0
}

func (m Mask) clear(t tokenizer.Token) { m[t/64] &^= 1 << (t % 64) }

func (m Mask) set(t tokenizer.Token) { m[t/64] |= 1 << (t % 64) }
