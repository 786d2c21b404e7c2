package states

import "fmt"

// The memory that the tree adds to that of states, for the model of the tests.
const (
	EntryBytes = entryBytes
	NodeBytes  = nodeBytes
	RootBytes  = rootBytes
	Apart      = apart
)

// Path returns what the tree compares, and where tokens end in it.
func (p *Prompt) Path() (lead string, path []byte, ends []int) {
	for at := range len(p.tokens) + 1 {
		ends = append(ends, p.depth(at))
	}
	return p.lead, p.path, ends
}

// Nodes counts the nodes of all trees, without their roots.
func (t *Tree) Nodes() int {
	nodes := 0
	for _, top := range t.roots {
		for left := []*node{top}; len(left) > 0; left = left[1:] {
			nodes += len(left[0].next)
			left = append(left, left[0].next...)
		}
	}
	return nodes
}

// Check returns what is wrong with the tree's structure, its heap or its count of bytes.
func (t *Tree) Check() error {
	bytes, entries, free := int64(0), 0, 0
	for r, top := range t.roots {
		bytes += r.size()
		if len(top.next) == 0 || top.entry != nil || top.parent != nil {
			return fmt.Errorf("an empty root, or one with an entry")
		}
		err := top.each(0, func(n *node, depth int) error {
			if n != top {
				bytes += n.size()
			}
			e := n.entry
			if e == nil {
				return nil
			}
			bytes += e.size()
			entries++
			if e.node != n || e.root != r || e.depth != depth {
				return fmt.Errorf("an entry of %d bytes at depth %d, in another node or tree", e.depth, depth)
			}
			if e.heap >= 0 {
				free++
			}
			if (e.heap >= 0) != (e.pins == 0) || e.heap >= 0 && (t.free[e.heap] != e || e.worth != e.now()) {
				return fmt.Errorf("pins %d, index %d, worth %g, now %g", e.pins, e.heap, e.worth, e.now())
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if bytes != t.stats.Bytes || entries != t.stats.Checkpoints || free != len(t.free) || bytes > t.stats.Budget {
		return fmt.Errorf("%d bytes, %d entries, %d of them free; counted %+v and %d free", bytes, entries, free, t.stats, len(t.free))
	}
	return nil
}

// each checks the nodes from n on and calls visit for each.
func (n *node) each(depth int, visit func(n *node, depth int) error) error {
	if n.parent != nil && (len(n.label) == 0 || n.entry == nil && len(n.next) < 2) {
		return fmt.Errorf("a node with the label %q that nothing needs", n.label)
	}
	if err := visit(n, depth); err != nil {
		return err
	}
	for i, next := range n.next {
		if next.parent != n || i > 0 && n.next[i-1].label[0] >= next.label[0] {
			return fmt.Errorf("a node in a wrong place: %q", next.label)
		}
		if err := next.each(depth+len(next.label), visit); err != nil {
			return err
		}
	}
	return nil
}

// MoveBy changes a state as nothing must.
func (s *State) MoveBy(tokens int64) { s.snapshot.Tokens += tokens }
