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
	tokens    ggml.Tensor
	last      ggml.Tensor
	result    ggml.Tensor
	lastIndex []int32
	inputs    []input // of a batch that is observed
}

// newPlan builds the graph of one shape on the batch's states.
func (b *Batch) newPlan(of shape) (*plan, error) {
	m := b.model
	g := m.lib.NewGraph()
	p := &plan{graph: g, calls: kernels.NewCalls(m.options.Threads), tokens: g.Input(gguf.I32, of.tokens())}
	if b.observed {
		g.Observe = p.observe
	}
	if last := of.last(); of.outputs.Last() && last != nil {
		p.last, p.lastIndex = g.Input(gguf.I32, int64(len(last))), last
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
	m.options.Log.Debug("graph built", "tokens", of.tokens(), "sequences", b.seqs, "operations", g.Nodes(), "splits", p.scheduler.Splits(), "MiB", p.scheduler.BufferSize()>>20)
	return p, nil
}

// build builds the graph of one shape on states.
func (m *Model) build(p *plan, of shape, state map[stateKey]ggml.Tensor) {
	if m.weights.matrices != nil {
		p.graph.Product = m.product(p.graph, p.calls)
	}
	var calls *kernels.Calls
	if m.level != kernels.None && len(m.backends) == 1 {
		calls = p.calls
	}
	p.result = m.forward(rwkv.Batch{
		Graph: p.graph, Tokens: p.tokens, Lengths: of.lengths, Outputs: of.outputs, Last: p.last,
		State:  func(layer int, name string) ggml.Tensor { return state[stateKey{layer, name}] },
		Device: func(layer int) ggml.Device { return m.devices[layer] },
		CPU:    m.lib.CPU(), Calls: calls,
	})
}

// run computes the graph on tokens.
func (p *plan) run(ctx context.Context, tokens []int32) error {
	if err := p.tokens.SetInts(tokens); err != nil {
		return err
	}
	if !p.last.IsZero() {
		if err := p.last.SetInts(p.lastIndex); err != nil {
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
