package states

import (
	"bytes"
	"slices"
	"sort"
)

// nodeBytes is the memory of a node beside its label: the struct, the places of its pointer in the parent, what Go's allocator rounds.
const nodeBytes = 160

// node is a node of a radix tree. Every node but the root has a label of at least one byte, and has an entry or at least two nodes below
// it. So a tree of n entries has at most 2·n nodes, and a path ends where an entry needs it no longer.
type node struct {
	parent *node
	label  []byte  // on the way from the parent
	next   []*node // the nodes below, in the order of their first bytes
	entry  *entry  // the checkpoint of this place, or nil
}

// size returns the memory of the node.
func (n *node) size() int64 { return nodeBytes + int64(len(n.label)) }

// find returns where the node below n whose label begins with first is, or would be.
func (n *node) find(first byte) (at int, ok bool) {
	at = sort.Search(len(n.next), func(i int) bool { return n.next[i].label[0] >= first })
	return at, at < len(n.next) && n.next[at].label[0] == first
}

// walk follows path from n as far as possible. It calls visit at each node that it reaches, with the length of the path so far. It returns
// the length of the path that the tree has.
func (n *node) walk(path []byte, visit func(n *node, depth int)) int {
	depth := 0
	for depth < len(path) {
		at, ok := n.find(path[depth])
		if !ok {
			return depth
		}
		n = n.next[at]
		same := common(n.label, path[depth:])
		depth += same
		if same < len(n.label) {
			return depth
		}
		visit(n, depth)
	}
	return depth
}

// insert returns the node at the end of path, which it makes if there is none, and the memory of the nodes that it made.
func (n *node) insert(path []byte) (place *node, added int64) {
	for len(path) > 0 {
		at, ok := n.find(path[0])
		if !ok {
			leaf := &node{parent: n, label: bytes.Clone(path)}
			n.next = slices.Insert(n.next, at, leaf)
			return leaf, added + leaf.size()
		}
		below := n.next[at]
		same := common(below.label, path)
		if same < len(below.label) {
			n.next[at] = below.split(same)
			added += nodeBytes
		}
		n, path = n.next[at], path[same:]
	}
	return n, added
}

// split cuts a node's label after at bytes and returns the new node between its parent and it. Both labels are copies, so that neither
// keeps the memory of the other.
func (n *node) split(at int) *node {
	upper := &node{parent: n.parent, label: bytes.Clone(n.label[:at]), next: []*node{n}}
	n.parent, n.label = upper, bytes.Clone(n.label[at:])
	return upper
}

// prune restores the rule of nodes after n lost its entry or a node below it. It returns the memory of the nodes that it removed.
func (n *node) prune() (removed int64) {
	for n.parent != nil && n.entry == nil && len(n.next) < 2 {
		up := n.parent
		at, _ := up.find(n.label[0])
		if len(n.next) == 1 {
			below := n.next[0]
			below.parent, below.label = up, slices.Concat(n.label, below.label)
			up.next[at] = below
			return removed + nodeBytes
		}
		removed += n.size()
		up.next = slices.Delete(up.next, at, at+1)
		n = up
	}
	return removed
}

// above returns the nearest entry above n, or nil.
func (n *node) above() *entry {
	for n = n.parent; n != nil; n = n.parent {
		if n.entry != nil {
			return n.entry
		}
	}
	return nil
}

// below calls visit for the nearest entries below n: those with no other entry between.
func (n *node) below(visit func(*entry)) {
	for left := slices.Clone(n.next); len(left) > 0; {
		last := left[len(left)-1]
		left = left[:len(left)-1]
		if last.entry != nil {
			visit(last.entry)
		} else {
			left = append(left, last.next...)
		}
	}
}

// common returns the length of the longest common beginning.
func common(a, b []byte) int {
	const step = 256
	n, i := min(len(a), len(b)), 0
	for i+step <= n && bytes.Equal(a[i:i+step], b[i:i+step]) {
		i += step
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
