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
	calls     *kernels.Calls   // of our own kernels
	scheduler *ggml.Scheduler  // if ggml computes the graph
	placed    *ggml.Placement  // otherwise
	program   *kernels.Program // of what is placed
	embedded  ggml.Tensor
	rows      []float32 // to set embedded to
	last      ggml.Tensor
	result    ggml.Tensor
	lastOf    []int32
	inputs    []input // of slots that are observed
}

// newPlan builds the graph of one shape on the states of the first slots.
func (s *Slots) newPlan(of shape) (*plan, error) {
	m := s.model
	p := m.emptyPlan(of)
	g := p.graph
	if s.observed != nil {
		g.Observe = func(x, weight ggml.Tensor) { s.observed(p, x, weight) }
	}
	if last := of.last(); of.outputs.Last() && last != nil {
		if p.lastOf = last; !m.functions {
			p.last = g.Input(gguf.I32, int64(len(last)))
		}
	}
	m.build(p, of, s.state)
	if s.observed != nil && of.outputs == rwkv.AllHidden {
		s.observed(p, p.result, m.weights.byName[rwkv.Output])
	}
	g.Output(p.result)
	if err := g.Err(); err != nil {
		p.close()
		return nil, fmt.Errorf("building the graph of %d tokens: %w", of.tokens(), err)
	}
	if err := m.place(p); err != nil {
		p.close()
		return nil, err
	}
	m.options.Log.Debug("graph built", "tokens", of.tokens(), "sequences", len(of.lengths), "operations", p.graph.Nodes(), "stages", p.program.Stages(), "MiB", p.bytes()>>20)
	return p, nil
}

// place gives the plan's results their places in memory. If all operations have kernels, the plan becomes a program.
func (m *Model) place(p *plan) (err error) {
	if m.functions {
		if p.placed, err = m.lib.Place(p.graph); err != nil {
			return err
		}
	}
	if p.placed == nil {
		p.scheduler, err = m.lib.NewScheduler(p.graph, m.backends...)
		return err
	}
	ranges := func(all []ggml.Memory) (r []kernels.Range) {
		for _, m := range all {
			r = append(r, kernels.Range(m))
		}
		return r
	}
	var steps []kernels.Step
	for _, c := range p.placed.Customs() {
		steps = append(steps, kernels.Step{Call: c.Call, Reads: ranges(c.Reads), Writes: ranges(c.Writes)})
	}
	p.program = kernels.NewProgram(steps)
	return nil
}

// emptyPlan returns a plan whose graph has no operations.
func (m *Model) emptyPlan(of shape) *plan {
	g := m.lib.NewGraph()
	return &plan{graph: g, calls: kernels.NewCalls(m.options.Threads), embedded: g.Input(gguf.F32, int64(m.config.Embed), of.tokens())}
}

// build builds the graph of one shape on states, [elements, n]. It uses the first columns.
func (m *Model) build(p *plan, of shape, state map[stateKey]ggml.Tensor) {
	seqs := int64(len(of.lengths))
	var calls *kernels.Calls
	if m.functions {
		calls = p.calls
	}
	if m.level != kernels.None {
		p.graph.Own = operations{model: m, graph: p.graph, calls: p.calls}.build
	}
	p.result = m.forward(rwkv.Batch{
		Graph: p.graph, Embedded: p.embedded, Lengths: of.lengths, Outputs: of.outputs, Last: p.last, LastOf: p.lastOf,
		State: func(layer int, name string) ggml.Tensor {
			t := state[stateKey{layer, name}]
			if t.Dim(1) == seqs {
				return t
			}
			return p.graph.Use(t).Slice(1, 0, seqs)
		},
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
	p.placed.Close()
	p.graph.Close()
	p.calls.Close()
}

// PlanMemory is the most bytes that the plans of a Slots take, unless a single one takes more.
const PlanMemory = 256 << 20

// The plans that Slots keeps: those last used that take at most PlanMemory bytes together, but at least the last one and at most mostPlans.
const (
	mostPlans = 64
)

// plans are the plans of Slots, the most recently used first.
type plans []keptPlan

type keptPlan struct {
	shape
	*plan
}

// plan returns the plan of a shape, building it if it is not kept.
func (s *Slots) plan(of shape) (*plan, error) {
	if i := slices.IndexFunc(s.plans, func(k keptPlan) bool { return k.shape.equal(of) }); i >= 0 {
		k := s.plans[i]
		copy(s.plans[1:i+1], s.plans[:i])
		s.plans[0] = k
		return k.plan, nil
	}
	p, err := s.newPlan(of)
	if err != nil {
		return nil, err
	}
	s.plans = append(plans{{of, p}}, s.plans...)
	bytes := int64(0)
	for i, k := range s.plans {
		if bytes += k.bytes(); i > 0 && bytes > PlanMemory || i == mostPlans {
			rest := s.plans[i:]
			rest.close()
			s.plans = s.plans[:i]
			break
		}
	}
	return p, nil
}

// close frees all plans.
func (all *plans) close() {
	for _, k := range *all {
		k.close()
	}
	*all = nil
}

// bytes returns the memory that the plan takes, about.
func (p *plan) bytes() int64 {
	const operation = 2 << 10 // headers, and the call of a kernel
	results := int64(0)
	if p.placed != nil {
		results = p.placed.BufferSize()
	} else {
		results = p.scheduler.BufferSize()
	}
	return results + int64(p.graph.Nodes()*operation) + 4*int64(len(p.rows))
}
