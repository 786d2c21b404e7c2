package ggml

import (
	"fmt"

	"gosling/bindings"
	"gosling/gguf"
)

// Graph is a computation being built: operations on tensors, in the order in which they will run. The first operation
// that its operands do not allow is kept in Err, and the ones after it do nothing, so that formulas need no checks.
type Graph struct {
	lib  *Library
	ctx  bindings.Context
	p    bindings.Graph
	room int // operations that still fit
	err  error
	pins []pin

	// Observe, where it is set, is shown the operands of every matrix product as it is built, and may build on the input.
	Observe func(input, weight Tensor)
}

type pin struct {
	node   bindings.Tensor
	device bindings.Device
}

// NewGraph makes an empty graph with room for the given number of operations.
func (l *Library) NewGraph(size int) (*Graph, error) {
	ctx := l.c.Init(bindings.InitParams{
		MemSize: uintptr(size+1)*(l.c.TensorOverhead()+64) + l.c.GraphOverhead(uintptr(size), false),
		NoAlloc: true,
	})
	if ctx == 0 {
		return nil, fmt.Errorf("no memory for a graph of %d operations", size)
	}
	live.Add(1)
	return &Graph{lib: l, ctx: ctx, p: l.c.NewGraph(ctx, uintptr(size), false), room: size}, nil
}

// Err is the first operation that could not be built, with its operands' shapes.
func (g *Graph) Err() error { return g.err }

// Nodes is the number of operations that the graph computes.
func (g *Graph) Nodes() int { return int(g.lib.c.GraphNodes(g.p)) }

// Input makes a tensor that is set before each computation.
func (g *Graph) Input(typ gguf.Type, shape ...int64) Tensor {
	t, err := g.lib.describe(typ, shape)
	if err != nil {
		g.fail("input", err.Error())
	}
	if !g.take() {
		return Tensor{g: g}
	}
	t.g = g
	t.p = g.lib.c.NewTensor(g.ctx, int32(typ), t.ne[0], t.ne[1], t.ne[2], t.ne[3])
	g.lib.c.SetInput(t.p)
	return t
}

// Use gives a weight or state a place in the graph, so that views can be made of it.
func (g *Graph) Use(t Tensor) Tensor {
	t.g = g
	return t
}

// Compute adds the tensor, and whatever it is made of, to what the graph computes. Operations run in the order in which
// they were first needed here.
func (g *Graph) Compute(t Tensor) {
	if g.err == nil && t.p != 0 {
		g.lib.c.BuildForwardExpand(g.p, t.p)
	}
}

// Output is Compute for a tensor that is read after the computation.
func (g *Graph) Output(t Tensor) {
	if g.err == nil && t.p != 0 {
		g.lib.c.SetOutput(t.p)
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
	if g == nil || g.ctx == 0 {
		return
	}
	g.lib.c.Base.Free(g.ctx)
	g.ctx = 0
	live.Add(-1)
}

// take accounts for one more operation and reports whether it may be built.
func (g *Graph) take() bool {
	if g.room == 0 {
		g.fail("graph", "is full")
	}
	if g.err != nil {
		return false
	}
	g.room--
	return true
}

// fail keeps the first mistake.
func (g *Graph) fail(op, reason string, operands ...Tensor) {
	if g.err != nil {
		return
	}
	text := op
	for i, t := range operands {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %v %s", t.Shape(), t.typ)
	}
	g.err = fmt.Errorf("%s: %s", text, reason)
}
