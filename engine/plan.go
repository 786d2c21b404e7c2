package engine

import (
	"context"
	"fmt"

	"gosling/ggml"
	"gosling/gguf"
	"gosling/rwkv"
)

// shape is what a graph is built for: tokens of each sequence, and the logits wanted.
type shape struct {
	length  int
	outputs rwkv.Outputs
}

// plan is a built graph with room for its results, ready to be computed again and again.
type plan struct {
	graph     *ggml.Graph
	scheduler *ggml.Scheduler
	tokens    ggml.Tensor
	last      ggml.Tensor
	logits    ggml.Tensor
	lastIndex []int32
}

// newPlan builds the graph of one shape on the session's state.
func (s *Session) newPlan(of shape) (*plan, error) {
	m := s.model
	size := 512 + 640*m.config.Layers
	g, err := m.lib.NewGraph(size)
	if err != nil {
		return nil, err
	}
	p := &plan{graph: g}
	b := rwkv.Batch{
		Graph: g, Seqs: int64(s.seqs), Outputs: of.outputs,
		Tokens: g.Input(gguf.I32, int64(of.length*s.seqs)),
		State:  func(layer int, name string) ggml.Tensor { return s.state[stateKey{layer, name}] },
		Device: func(layer int) ggml.Device { return m.devices[layer] },
		CPU:    m.lib.CPU(),
	}
	p.tokens = b.Tokens
	if of.outputs == rwkv.LastLogits && of.length > 1 {
		b.Last = g.Input(gguf.I32, int64(s.seqs))
		p.last = b.Last
		for i := range s.seqs {
			p.lastIndex = append(p.lastIndex, int32((i+1)*of.length-1))
		}
	}
	p.logits = m.forward(b)
	g.Output(p.logits)
	if err := g.Err(); err != nil {
		p.close()
		return nil, fmt.Errorf("building the graph of %d tokens: %w", of.length, err)
	}
	if p.scheduler, err = m.lib.NewScheduler(size, m.backends...); err != nil {
		p.close()
		return nil, err
	}
	if err := p.scheduler.Alloc(g); err != nil {
		p.close()
		return nil, err
	}
	m.options.Log.Debug("graph built", "tokens", of.length, "sequences", s.seqs, "operations", g.Nodes(), "splits", p.scheduler.Splits(), "MiB", p.scheduler.BufferSize()>>20)
	return p, nil
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
	return p.scheduler.Compute(ctx, p.graph)
}

func (p *plan) close() {
	p.scheduler.Close()
	p.graph.Close()
}

// keptPlans is how many graphs a session keeps: decoding, full chunks, and some of the odd lengths at the end of prompts.
const keptPlans = 4

// plan returns the graph of a shape, building it if it is not among the last used ones.
func (s *Session) plan(of shape) (*plan, error) {
	for i, k := range s.plans {
		if k.shape == of {
			copy(s.plans[1:i+1], s.plans[:i])
			s.plans[0] = k
			return k.plan, nil
		}
	}
	if len(s.plans) == keptPlans {
		s.plans[keptPlans-1].close()
		s.plans = s.plans[:keptPlans-1]
	}
	p, err := s.newPlan(of)
	if err != nil {
		return nil, err
	}
	s.plans = append([]keptPlan{{of, p}}, s.plans...)
	return p, nil
}

type keptPlan struct {
	shape
	*plan
}
