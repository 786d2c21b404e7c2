package ggml

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Graph is a list of operations on tensors, in the order in which they will run. If an operation does not fit its operands, Err returns
// that error, and all later operations do nothing. So formulas need no checks. After NewScheduler no operation can be added. A Graph
// belongs to one goroutine at a time.
type Graph struct {
	handle
	lib      *Library
	contexts []bindings.Context // of the headers of results; the last has room for more of them
	room     int
	made     int                          // inputs and results
	outer    map[bindings.Tensor]struct{} // weights and states among the operands
	roots    []bindings.Tensor            // what is computed, in the order in which it was asked for
	p        bindings.Graph               // of the roots, once that is all of them
	work     int64                        // bytes that the CPU takes besides while it computes, at most
	err      error
	pins     []pin
	views    map[bindings.Tensor]bindings.Tensor // results that are not computed, and what they are views of
	custom   map[bindings.Tensor]Custom
	inputs   []Tensor
	outputs  []bindings.Tensor
	inexact  bool // see Exact

	// Observe, if it is not nil, is called with the operands of every matrix product when the product is built. It may build operations on
	// input.
	Observe func(input, weight Tensor)

	// Own, if it is not nil, builds operations whose operands fit each other. If it returns false, ggml's operation is built.
	Own func(Operation) (y Tensor, ok bool)
}

type pin struct {
	node   bindings.Tensor
	device bindings.Device
}

// NewGraph returns an empty graph. It grows with its operations. The caller closes it.
func (l *Library) NewGraph() *Graph {
	return &Graph{
		handle: newHandle(), lib: l, outer: map[bindings.Tensor]struct{}{}, views: map[bindings.Tensor]bindings.Tensor{}, custom: map[bindings.Tensor]Custom{},
	}
}

// Err returns the error of the first operation that could not be built, with the shapes of its operands. It is nil if there is none.
func (g *Graph) Err() error { return g.err }

// Fail sets the error that Err returns, unless the graph has one already.
func (g *Graph) Fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// Exact reports whether the operations so far are exact on the CPU. Then the bits of a column do not depend on the other columns or on the
// number of threads. A matrix product that ggml computes is not exact, because ggml multiplies several columns in another order than one
// column.
func (g *Graph) Exact() bool { return !g.inexact }

// Inexact makes Exact false. Whoever builds the graph calls it for a step whose order depends on the number of columns.
func (g *Graph) Inexact() { g.inexact = true }

// Nodes returns the number of operations that the graph computes. It is 0 before NewScheduler.
func (g *Graph) Nodes() int {
	if g.p == 0 {
		return 0
	}
	return int(g.lib.c.GraphNodes(g.p))
}

// tensors is the number of operations and of what they read, or somewhat more.
func (g *Graph) tensors() int { return g.made + len(g.outer) }

// finish makes the C graph of all that is to be computed, with room for just that.
func (g *Graph) finish() error {
	if g.err != nil || g.p != 0 {
		return g.err
	}
	size := uintptr(g.tensors())
	ctx, err := g.lib.headers(0, int64(g.lib.c.GraphOverhead(size, false)))
	if err != nil {
		return err
	}
	g.contexts = append(g.contexts, ctx)
	g.p = g.lib.c.NewGraph(ctx, size, false)
	for _, t := range g.roots {
		g.lib.c.BuildForwardExpand(g.p, t)
	}
	return nil
}

// Input returns a new tensor of the graph. The caller sets its elements before each computation.
func (g *Graph) Input(typ gguf.Type, shape ...int64) Tensor {
	t, err := g.lib.describe(typ, shape)
	if err != nil {
		g.fail("input", err.Error())
	}
	ctx, ok := g.take()
	if !ok {
		return Tensor{g: g}
	}
	t.g = g
	t.p = g.lib.c.NewTensor(ctx, int32(typ), t.ne[0], t.ne[1], t.ne[2], t.ne[3])
	g.lib.c.SetInput(t.p)
	g.inputs = append(g.inputs, t)
	return t
}

// Use returns a weight or a state t as a tensor of the graph, so that the graph can have views of it.
func (g *Graph) Use(t Tensor) Tensor {
	t.g = g
	g.outer[t.p] = struct{}{}
	return t
}

// Compute makes the graph compute t and all tensors that t needs. Operations run in the order in which calls of Compute first needed them.
func (g *Graph) Compute(t Tensor) {
	if g.err == nil && t.p != 0 {
		g.roots = append(g.roots, t.p)
	}
}

// Output does the same as Compute for a tensor that is read after the computation.
func (g *Graph) Output(t Tensor) {
	if g.err == nil && t.p != 0 {
		g.lib.c.SetOutput(t.p)
		g.outputs = append(g.outputs, t.p)
		g.Compute(t)
	}
}

// On makes the scheduler compute t on the given device.
func (g *Graph) On(d Device, t Tensor) Tensor {
	if g.err == nil && t.p != 0 {
		g.pins = append(g.pins, pin{t.p, d.p})
	}
	return t
}

// Close frees the graph and invalidates its tensors. It is safe to call twice.
func (g *Graph) Close() {
	if g == nil || !g.shut() {
		return
	}
	for _, ctx := range g.contexts {
		g.lib.c.Base.Free(ctx)
	}
	g.contexts, g.p = nil, 0
}

// The first context of a graph has room for few headers, since many graphs are of one operation. Each of the next has room for
// twice as many as the one before, so many times.
const (
	firstHeaders = 16
	doublings    = 6
)

// take accounts for one more result. It returns the context that has room for its header, and whether it may be built.
func (g *Graph) take() (bindings.Context, bool) {
	if g.err != nil {
		return 0, false
	}
	if g.room == 0 {
		n := firstHeaders << min(len(g.contexts), doublings)
		ctx, err := g.lib.headers(n, 0)
		if err != nil {
			g.err = err
			return 0, false
		}
		g.contexts, g.room = append(g.contexts, ctx), n
	}
	g.room--
	g.made++
	return g.contexts[len(g.contexts)-1], true
}

// fail keeps the first mistake.
func (g *Graph) fail(op, reason string, operands ...Tensor) {
	text := op
	for i, t := range operands {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %v %s", t.shape(), t.typ)
	}
	g.Fail(fmt.Errorf("%s: %s", text, reason))
}
