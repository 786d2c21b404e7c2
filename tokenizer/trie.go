package tokenizer

import (
	"fmt"
	"math/bits"
)

// trie finds the longest token that a text starts with. It is a double array: the children of a node lie at its base plus
// their byte, interleaved with those of others, so that a step is one load and one comparison. Bases are unique, therefore a
// child is known by its byte alone.
type trie struct {
	cells []cell
	root  uint32 // the base of the root
}

// cell is one node.
type cell struct {
	link  uint32 // base of its children << 9 | 1<<8 if the cell is taken | the byte that leads here
	token Token  // id + 1, or 0 if no token ends here
}

const (
	taken    = 1 << 8
	maxCells = 1 << 23
	// A node without children has base 0; the first 256 cells stay empty, so that the search ends there by itself.
	deadCells = 256
)

// longest returns the longest token that text starts with, and its length; 0 if there is none.
func (t *trie) longest(text []byte) (id Token, n int) {
	cells, base := t.cells, t.root
	for i, c := range text {
		next := cells[base+uint32(c)]
		if next.link&(taken|0xff) != taken|uint32(c) {
			break
		}
		if next.token != 0 {
			id, n = next.token, i+1
		}
		base = next.link >> 9
	}
	return id - 1, n
}

// newTrie builds a trie of the given tokens of v, sorted by their bytes, none of them empty. Of equal ones the last counts.
func newTrie(v *rows, sorted []Token) (trie, error) {
	b := trieBuilder{v: v, tokens: sorted, free: deadCells}
	b.cells = make([]cell, 2*len(sorted)+2*deadCells)
	b.used = make([]uint64, len(b.cells)/64+1)
	b.bases = make([]uint64, len(b.cells)/64+1)
	for i := range deadCells / 64 {
		b.used[i] = ^uint64(0)
	}
	root := b.grow(0, len(sorted), 0)
	if b.full {
		return trie{}, fmt.Errorf("the vocabulary needs more than %d trie nodes: too large", maxCells)
	}
	return trie{cells: b.cells[: b.end+256 : b.end+256], root: root}, nil
}

// trieBuilder places nodes depth first, each with all its children at once.
type trieBuilder struct {
	v      *rows
	tokens []Token
	cells  []cell
	used   []uint64 // bitmap of cells
	bases  []uint64 // bitmap of bases
	free   uint32   // no cell before it is free
	end    uint32   // all cells from it on are free
	full   bool
	edges  []edge // a stack of the edges of the nodes being placed
}

// edge leads to the child under a byte, whose tokens are those from lo to the next edge's lo.
type edge struct {
	label byte
	lo    int
}

// grow places the children of the node that tokens lo to hi share to the given depth and returns their base, 0 if none.
func (b *trieBuilder) grow(lo, hi, depth int) uint32 {
	if lo == hi || b.full {
		return 0
	}
	from := len(b.edges)
	for i := lo; i < hi; i++ {
		if c := b.v.at(b.tokens[i])[depth]; len(b.edges) == from || b.edges[len(b.edges)-1].label != c {
			b.edges = append(b.edges, edge{c, i})
		}
	}
	to := len(b.edges)
	base := b.place(b.edges[from:to])
	for i := from; i < to && !b.full; i++ {
		e, childHi := b.edges[i], hi
		if i+1 < to {
			childHi = b.edges[i+1].lo
		}
		b.child(base+uint32(e.label), e, childHi, depth+1)
	}
	b.edges = b.edges[:from]
	return base
}

// child fills the cell of the child that e leads to: the token that ends there, if any, and what lies below.
func (b *trieBuilder) child(at uint32, e edge, hi, depth int) {
	var token Token
	lo := e.lo
	for ; lo < hi; lo++ {
		id := b.tokens[lo]
		if len(b.v.at(id)) > depth {
			break
		}
		token = id + 1
	}
	b.cells[at] = cell{b.grow(lo, hi, depth)<<9 | taken | uint32(e.label), token}
}

// place finds a base at which all labels are free and takes the cells. After a number of vain attempts, or beyond the end,
// it takes fresh cells, so that building stays linear.
func (b *trieBuilder) place(labels []edge) uint32 {
	const attempts = 64
	first := uint32(labels[0].label)
	b.free = b.nextFree(b.free)
	at := b.free
	for try := 0; try < attempts && at < b.end; try++ {
		if base := at - first; at > first && b.fits(base, labels) {
			return b.take(base, labels)
		}
		at = b.nextFree(at + 1)
	}
	at = max(b.end, deadCells)
	for b.bases[(at-first)/64]>>((at-first)%64)&1 != 0 {
		at++
		b.reserve(at)
	}
	return b.take(at-first, labels)
}

func (b *trieBuilder) fits(base uint32, labels []edge) bool {
	if b.bases[base/64]>>(base%64)&1 != 0 {
		return false
	}
	for _, e := range labels[1:] {
		if at := base + uint32(e.label); b.used[at/64]>>(at%64)&1 != 0 {
			return false
		}
	}
	return true
}

func (b *trieBuilder) take(base uint32, labels []edge) uint32 {
	b.bases[base/64] |= 1 << (base % 64)
	for _, e := range labels {
		at := base + uint32(e.label)
		b.used[at/64] |= 1 << (at % 64)
		b.end = max(b.end, at+1)
	}
	b.reserve(b.end)
	return base
}

// nextFree returns the first free cell from at on.
func (b *trieBuilder) nextFree(at uint32) uint32 {
	for w := at / 64; int(w) < len(b.used); w++ {
		vacant := ^b.used[w]
		if w == at/64 {
			vacant &= ^uint64(0) << (at % 64)
		}
		if vacant != 0 {
			return w*64 + uint32(bits.TrailingZeros64(vacant))
		}
	}
	return uint32(len(b.used)) * 64
}

// reserve makes room for a node at any base up to at.
func (b *trieBuilder) reserve(at uint32) {
	if need := int(at) + 512; need > len(b.cells) {
		b.full = b.full || need > maxCells
		size := need + need/2
		b.cells = append(b.cells, make([]cell, size-len(b.cells))...)
		b.used = append(b.used, make([]uint64, size/64+1-len(b.used))...)
		b.bases = append(b.bases, make([]uint64, size/64+1-len(b.bases))...)
	}
}
