package tokenizer

import "math/rand/v2"

// merge is what a pair of tokens becomes, and when: lower ranks come first.
type merge struct {
	rank  int32
	token Token
}

// mergeTable finds the merge of a pair: open addressing, at most half full. Its hash is another in every table, so that no
// file can be made to fill one place.
type mergeTable struct {
	cells  []mergeCell
	shift  uint8
	factor uint64
}

type mergeCell struct {
	pair  uint64 // 0 for an empty cell
	merge merge
}

func newMergeTable(pairs int) mergeTable {
	bits := uint8(4)
	for 1<<bits < 2*pairs {
		bits++
	}
	return mergeTable{make([]mergeCell, 1<<bits), 64 - bits, rand.Uint64() | 1}
}

// pairKey is never 0.
func pairKey(left, right Token) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) + 1 }

func (t *mergeTable) cell(key uint64) *mergeCell {
	for i := int(key * t.factor >> t.shift); ; i++ {
		cell := &t.cells[i&(len(t.cells)-1)]
		if cell.pair == key || cell.pair == 0 {
			return cell
		}
	}
}

// put sets the merge of a pair. Of several the last counts.
func (t *mergeTable) put(pair [2]Token, m merge) {
	key := pairKey(pair[0], pair[1])
	*t.cell(key) = mergeCell{key, m}
}

// find returns the merge of a pair, or a rank that is larger than any.
func (t *mergeTable) find(left, right Token) merge {
	if cell := t.cell(pairKey(left, right)); cell.pair != 0 {
		return cell.merge
	}
	return merge{rank: noMerge}
}

const noMerge = 1<<31 - 1

// merger merges the tokens of words. It belongs to one goroutine.
type merger struct {
	ranks   [longestScan]merge
	symbols []symbol
	heap    []candidate
}

// longestScan is the length up to which looking at every pair is faster than a heap.
const longestScan = 48

// merge merges tokens in place and returns how many are left. Always the pair of the lowest rank is merged, and of equal ones
// the first.
func (m *merger) merge(table *mergeTable, tokens []Token) int {
	if len(tokens) > longestScan {
		return m.mergeLong(table, tokens)
	}
	n := len(tokens)
	for i := range n - 1 {
		m.ranks[i] = table.find(tokens[i], tokens[i+1])
	}
	for n > 1 {
		best := 0
		for i := 1; i < n-1; i++ {
			if m.ranks[i].rank < m.ranks[best].rank {
				best = i
			}
		}
		if m.ranks[best].rank == noMerge {
			break
		}
		tokens[best] = m.ranks[best].token
		copy(tokens[best+1:n-1], tokens[best+2:n])
		copy(m.ranks[best:n-2], m.ranks[best+1:n-1])
		n--
		if best > 0 {
			m.ranks[best-1] = table.find(tokens[best-1], tokens[best])
		}
		if best < n-1 {
			m.ranks[best] = table.find(tokens[best], tokens[best+1])
		}
	}
	return n
}

// symbol is a token of a long word and its neighbours, -1 for none. One that was merged into its left neighbour has token -1.
type symbol struct {
	token      Token
	prev, next int32
}

// candidate is a merge that was possible when it was seen.
type candidate struct {
	merge
	at int32 // the left symbol
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// mergeLong does the same with a list and a heap, in O(n log n).
func (m *merger) mergeLong(table *mergeTable, tokens []Token) int {
	m.symbols, m.heap = m.symbols[:0], m.heap[:0]
	for i, t := range tokens {
		m.symbols = append(m.symbols, symbol{t, int32(i) - 1, int32(i) + 1})
	}
	m.symbols[len(tokens)-1].next = -1
	for i := range tokens {
		m.consider(table, int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		left := &m.symbols[c.at]
		if left.token < 0 || left.next < 0 || table.find(left.token, m.symbols[left.next].token) != c.merge {
			continue // one of the two was merged with another
		}
		right := &m.symbols[left.next]
		left.token, left.next, right.token = c.token, right.next, -1
		if left.next >= 0 {
			m.symbols[left.next].prev = c.at
		}
		m.consider(table, left.prev)
		m.consider(table, c.at)
	}
	n := 0
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		tokens[n] = m.symbols[i].token
		n++
	}
	return n
}

// consider puts the merge of a symbol and the next, if there is one, on the heap.
func (m *merger) consider(table *mergeTable, at int32) {
	if at < 0 || m.symbols[at].next < 0 {
		return
	}
	found := table.find(m.symbols[at].token, m.symbols[m.symbols[at].next].token)
	if found.rank == noMerge {
		return
	}
	m.heap = append(m.heap, candidate{found, at})
	for i := len(m.heap) - 1; i > 0 && m.heap[i].before(m.heap[(i-1)/2]); i = (i - 1) / 2 {
		m.heap[i], m.heap[(i-1)/2] = m.heap[(i-1)/2], m.heap[i]
	}
}

// pop takes the first merge off the heap.
func (m *merger) pop() candidate {
	top, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && m.heap[child+1].before(m.heap[child]) {
			child++
		}
		if child >= last || !m.heap[child].before(m.heap[i]) {
			return top
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}
