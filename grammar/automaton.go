package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

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

	mu     sync.Mutex
	nodes  map[string]*node
	frames map[frame]*frame
	size   int // roughly the bytes of nodes and their masks
	age    int // how often the caches were emptied
	work   int // of the operation that runs
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
	id    uint32
	alike *frame // see alikeFrame
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
	a.size = 0
	a.age++
}

// begin prepares an operation from n and returns the node to start from. The caller holds the lock.
func (a *Automaton) begin(n *node) *node {
	a.work, a.err = 0, nil
	if a.size > maxCache {
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
	a.add(a.starts[0], nil)
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
	a.size += 160
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
	a.size += 3*len(a.key) + 8*len(a.members) + 200
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
		a.reset()
		a.ends = n.ends
		for _, it := range n.items {
			a.items = append(a.items, item{it.pc, a.alikeFrame(it.f)})
		}
		n.alike = a.intern()
	}
	return n.alike
}

func (a *Automaton) alikeFrame(f *frame) *frame {
	if f == nil {
		return nil
	}
	if f.alike == nil {
		count, in := f.count, &a.code[f.pc]
		if far := int32(a.vocab.longest); in.op == opRepeat && !in.nullable {
			switch {
			case count < in.least-far:
				count = 0
			case count >= in.least && count < in.most-far:
				count = in.least
			}
		}
		f.alike = a.push(f.pc, count, a.alikeFrame(f.below))
	}
	return f.alike
}

// walk computes the mask of n: the tokens whose bytes lead somewhere.
func (a *Automaton) walk(n *node) Mask {
	v := a.vocab
	mask := make(Mask, v.words)
	a.path[0] = n
	for i := 0; i < len(v.trie); {
		t := &v.trie[i]
		from := a.path[t.depth]
		class := a.class[t.label]
		var to *node
		if from.next != nil {
			to = from.next[class]
		}
		if to == nil {
			to = a.step(from, class)
			if a.err != nil {
				return nil
			}
		}
		if to == a.dead {
			i = int(t.skip)
			continue
		}
		a.path[t.depth+1] = to
		if t.token >= 0 {
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
	return mask
}

// Mask is a set of tokens: token t is bit t%64 of word t/64.
type Mask []uint64

// Has reports whether the mask allows a token.
func (m Mask) Has(t tokenizer.Token) bool {
	return t >= 0 && int(t)/64 < len(m) && m[t/64]>>(t%64)&1 != 0
}

func (m Mask) set(t tokenizer.Token) { m[t/64] |= 1 << (t % 64) }
