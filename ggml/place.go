package ggml

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/bindings"
)

// ggml's allocator lets an operation use the memory of results that no later operation needs. That is right for operations that run one
// after another. Operations of our own may run at once, in stages, so their results are placed here: memory is used again in the stage after
// the last one that needs it.

// life is the stages in which a result or an input needs its memory, and where that is. Inputs are set before the first stage, in stage -1.
type life struct {
	tensor      Tensor
	first, last int
	size        int64
	offset      int64
}

// staged is an operation of our own and its stage.
type staged struct {
	Custom
	stage int
}

// customs returns the graph's operations in the order of their stages, and the lives of all results and inputs. It reports false if some
// operations are not of our own.
func (g *Graph) customs() (all []staged, lives []*life, ok bool) {
	byNode := map[bindings.Tensor]*life{}
	for _, t := range g.inputs {
		byNode[t.p] = &life{tensor: t, first: -1, last: -1, size: t.bytes()}
		lives = append(lives, byNode[t.p])
	}
	var uses []stateUse
	for i := range g.Nodes() {
		node := g.lib.c.GraphNode(g.p, int32(i))
		if _, ok := g.views[node]; ok {
			continue
		}
		o, ok := g.custom[node]
		if !ok {
			return nil, nil, false
		}
		s, needs := staged{Custom: o}, []*life{}
		var own []stateUse
		for _, t := range o.Operands {
			if l := byNode[g.root(t.p)]; l != nil {
				needs, s.stage = append(needs, l), max(s.stage, l.first+1)
				continue
			}
			for _, m := range memoryOf([]Tensor{t}) { // a weight, or a state that others may change
				own = append(own, stateUse{Memory: m})
			}
		}
		for _, m := range memoryOf(o.States) {
			own = append(own, stateUse{Memory: m, changes: true})
		}
		for _, u := range own {
			for _, before := range uses {
				if u.after(before) {
					s.stage = max(s.stage, before.stage+1)
				}
			}
		}
		for _, u := range own {
			u.stage = s.stage
			uses = append(uses, u)
		}
		for _, l := range needs {
			l.last = max(l.last, s.stage)
		}
		byNode[node] = &life{tensor: o.result, first: s.stage, last: s.stage, size: o.result.bytes()}
		lives, all = append(lives, byNode[node]), append(all, s)
	}
	for _, p := range g.outputs {
		if l := byNode[g.root(p)]; l != nil {
			l.last = len(all)
		}
	}
	slices.SortStableFunc(all, func(a, b staged) int { return cmp.Compare(a.stage, b.stage) })
	return all, lives, true
}

// stateUse is memory of a state or a weight that an operation reads, or that it also changes.
type stateUse struct {
	Memory
	changes bool
	stage   int
}

// after reports whether u must come after an earlier use.
func (u stateUse) after(earlier stateUse) bool {
	return (u.changes || earlier.changes) && earlier.From < u.To && u.From < earlier.To
}

// root returns the tensor that p is a view of, or p.
func (g *Graph) root(p bindings.Tensor) bindings.Tensor {
	for {
		of, ok := g.views[p]
		if !ok {
			return p
		}
		p = of
	}
}

// resultAlign is a multiple of which the addresses of results are: a line of the cache.
const resultAlign = 64

// layOut gives each life its offset and returns the size of the memory.
func layOut(lives []*life) (size int64) {
	slices.SortStableFunc(lives, func(a, b *life) int { return cmp.Compare(a.first, b.first) })
	var used []*life // by offset
	for _, l := range lives {
		used = slices.DeleteFunc(used, func(u *life) bool { return u.last < l.first })
		need, at := (max(1, l.size)+resultAlign-1)/resultAlign*resultAlign, 0
		for ; at < len(used); at++ {
			if used[at].offset-l.offset >= need {
				break
			}
			l.offset = (used[at].offset + max(1, used[at].size) + resultAlign - 1) / resultAlign * resultAlign
		}
		used = slices.Insert(used, at, l)
		size = max(size, l.offset+need)
	}
	return size
}

// Placement is a graph of which all operations are of our own, with memory for its results. ggml cannot compute it.
type Placement struct {
	handle
	lib    *Library
	all    []staged
	size   int64
	buffer bindings.Buffer
}

// Place allocates memory for the results of a graph whose operations are all of our own. If some are not, it returns nil, and the graph needs
// a Scheduler. No operation can be added to the graph afterwards. The caller closes the placement before the graph.
func (l *Library) Place(g *Graph) (*Placement, error) {
	if err := g.finish(); err != nil {
		return nil, err
	}
	all, lives, ok := g.customs()
	if !ok || len(all) == 0 {
		return nil, nil
	}
	p := &Placement{handle: newHandle(), lib: l, all: all, size: layOut(lives)}
	if err := p.alloc(g, lives); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Placement) alloc(g *Graph, lives []*life) error {
	c, what := p.lib.c, fmt.Sprintf("the results of a graph of %d operations", g.Nodes())
	if err := room(p.size, what); err != nil {
		return err
	}
	if p.buffer = c.BuftAllocBuffer(p.lib.CPU().BufferType().p, uintptr(p.size)); p.buffer == 0 {
		return &memoryError{what, p.size}
	}
	base := c.BufferBase(p.buffer)
	for _, l := range lives {
		if status := c.TensorAlloc(p.buffer, l.tensor.p, base+uintptr(l.offset)); status != bindings.StatusSuccess {
			return fmt.Errorf("cannot place a result of %d bytes: status %d", l.size, status)
		}
	}
	for i := range g.Nodes() {
		node := c.GraphNode(g.p, int32(i))
		if _, isView := g.views[node]; !isView {
			continue
		}
		if status := c.ViewInit(node); status != bindings.StatusSuccess {
			return fmt.Errorf("cannot place a view: status %d", status)
		}
	}
	return g.place()
}

// BufferSize returns the memory of the results, in bytes.
func (p *Placement) BufferSize() int64 { return p.size }

// Close frees the results. It is safe to call twice, and on a nil Placement.
func (p *Placement) Close() {
	if p == nil || !p.shut() {
		return
	}
	if p.buffer != 0 {
		p.lib.c.BufferFree(p.buffer)
	}
	p.buffer = 0
}

// Placed is an operation of our own in a graph whose results have their places.
type Placed struct {
	Custom
	Reads, Writes []Memory
}

// Memory is the memory of a tensor, from one address to another.
type Memory struct{ From, To uintptr }

// Customs returns the operations in an order in which they can run one after another. Reads has the memory of the operands. Writes has that
// of the result and of the states.
func (p *Placement) Customs() (all []Placed) {
	for _, o := range p.all {
		all = append(all, Placed{o.Custom, memoryOf(o.Operands), append(memoryOf(o.States), memoryOf([]Tensor{o.result})...)})
	}
	return all
}

func memoryOf(tensors []Tensor) (all []Memory) {
	for _, t := range tensors {
		if at := t.address(); at != 0 {
			all = append(all, Memory{at, at + uintptr(t.bytes())})
		}
	}
	return all
}
