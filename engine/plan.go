package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// shape is what a graph is built for: the number of tokens of each sequence, and what is wanted of them.
type shape struct {
	lengths []int
	outputs rwkv.Outputs
}

func (a shape) equal(b shape) bool {
	return a.outputs == b.outputs && slices.Equal(a.lengths, b.lengths)
}

// last is the index of each sequence's last token, nil where that is every token. Sequences of none have none.
func (a shape) last() []int32 {
	var index []int32
	end := 0
	for _, n := range a.lengths {
		if end += n; n > 0 {
			index = append(index, int32(end-1))
		}
	}
	if len(index) == end {
		return nil
	}
	return index
}

// tokens is the number of all tokens.
func (a shape) tokens() int64 {
	n := 0
	for _, l := range a.lengths {
		n += l
	}
	return int64(n)
}

// plan is a built graph with room for its results, ready to be computed again and again.
type plan struct {
	graph     *ggml.Graph
	calls     *kernels.Calls // of our own kernels
	scheduler *ggml.Scheduler
	program   *kernels.Program // nil if ggml computes the graph
	embedded  ggml.Tensor
	rows      []float32 // to set embedded to
	last      ggml.Tensor
	result    ggml.Tensor
	lastOf    []int32
	inputs    []input // of a batch that is observed
}

// newPlan builds the graph of one shape on the batch's states.
func (b *Batch) newPlan(of shape) (*plan, error) {
	m := b.model
	p := m.emptyPlan(of)
	g := p.graph
	if b.observed {
		g.Observe = p.observe
	}
	if last := of.last(); of.outputs.Last() && last != nil {
		if p.lastOf = last; !m.functions {
			p.last = g.Input(gguf.I32, int64(len(last)))
		}
	}
	m.build(p, of, b.state)
	if b.observed && of.outputs == rwkv.AllHidden {
		p.observe(p.result, m.weights.byName[rwkv.Output])
	}
	g.Output(p.result)
	if err := g.Err(); err != nil {
		p.close()
		return nil, fmt.Errorf("building the graph of %d tokens: %w", of.tokens(), err)
	}
	var err error
	if p.scheduler, err = m.lib.NewScheduler(g, m.backends...); err != nil {
		p.close()
		return nil, err
	}
	m.program(p)
	m.options.Log.Debug("graph built", "tokens", of.tokens(), "sequences", b.seqs, "operations", g.Nodes(), "stages", p.program.Stages(), "splits", p.scheduler.Splits(), "MiB", p.scheduler.BufferSize()>>20)
	return p, nil
}

// emptyPlan returns a plan whose graph has no operations.
func (m *Model) emptyPlan(of shape) *plan {
	g := m.lib.NewGraph()
	return &plan{graph: g, calls: kernels.NewCalls(m.options.Threads), embedded: g.Input(gguf.F32, int64(m.config.Embed), of.tokens())}
}

// program makes a program of the plan's graph if all of its operations have kernels.
func (m *Model) program(p *plan) {
	if m.crew == nil {
		return
	}
	customs, ok := p.scheduler.Customs()
	if !ok {
		return
	}
	ranges := func(all []ggml.Memory) (r []kernels.Range) {
		for _, m := range all {
			r = append(r, kernels.Range(m))
		}
		return r
	}
	var steps []kernels.Step
	for _, c := range customs {
		steps = append(steps, kernels.Step{Call: c.Call, Reads: ranges(c.Reads), Writes: ranges(c.Writes)})
	}
	p.program = kernels.NewProgram(steps)
}

// build builds the graph of one shape on states.
func (m *Model) build(p *plan, of shape, state map[stateKey]ggml.Tensor) {
	var calls *kernels.Calls
	if m.functions {
		calls = p.calls
	}
	if m.level != kernels.None {
		p.graph.Own = operations{model: m, graph: p.graph, calls: p.calls}.build
	}
	p.result = m.forward(rwkv.Batch{
		Graph: p.graph, Embedded: p.embedded, Lengths: of.lengths, Outputs: of.outputs, Last: p.last, LastOf: p.lastOf,
		State:  func(layer int, name string) ggml.Tensor { return state[stateKey{layer, name}] },
		Device: func(layer int) ggml.Device { return m.devices[layer] },
		CPU:    m.lib.CPU(), Calls: calls,
	})
}

// run computes the graph on tokens.
func (m *Model) run(ctx context.Context, p *plan, tokens []int32) error {
	if p.rows == nil {
		p.rows = make([]float32, p.embedded.Elements())
	}
	if err := m.weights.byName[rwkv.TokenEmbd].ReadRows(tokens, p.rows); err != nil {
		return err
	}
	if err := p.embedded.SetFloats(p.rows); err != nil {
		return err
	}
	if p.program != nil {
		return m.crew.Run(ctx, p.program)
	}
	if !p.last.IsZero() {
		if err := p.last.SetInts(p.lastOf); err != nil {
			return err
		}
	}
	return p.scheduler.Compute(ctx)
}

func (p *plan) close() {
	p.scheduler.Close()
	p.graph.Close()
	p.calls.Close()
}

// keptPlans is how many graphs a batch keeps: decoding, full chunks, and some of the odd lengths at the end of prompts.
const keptPlans = 4

// plan returns the graph of a shape, building it if it is not among the last used ones.
func (b *Batch) plan(of shape) (*plan, error) {
	for i, k := range b.plans {
		if k.shape.equal(of) {
			copy(b.plans[1:i+1], b.plans[:i])
			b.plans[0] = k
			return k.plan, nil
		}
	}
	if len(b.plans) == keptPlans {
		b.plans[keptPlans-1].close()
		b.plans = b.plans[:keptPlans-1]
	}
	p, err := b.newPlan(of)
	if err != nil {
		return nil, err
	}
	b.plans = append([]keptPlan{{of, p}}, b.plans...)
	return p, nil
}

type keptPlan struct {
	shape
	*plan
}
