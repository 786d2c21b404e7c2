package engine

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Exact reports whether the model's results are exact: the logits, embeddings and states of a text have the same bits for all chunks in
// which the text may be read, for all other texts beside it in Slots, and for all numbers of threads. The bits may differ between levels of
// kernels (see Kernels) and between builds of ggml.
//
// A model is exact if the CPU computes all of it, our own kernels multiply with all of its matrices, and its version's recurrence takes
// one token after another, as it does with our own kernels.
func (m *Model) Exact() bool { return m.exact() }

// findExact builds a graph that reads one text of one token and one of two tokens, and returns whether the graph is exact. It does not
// compute the graph. If the graph cannot be built, it returns false.
func (m *Model) findExact() bool {
	if m.weights.matrices == nil || len(m.backends) > 1 {
		return false
	}
	of := shape{lengths: []int{1, 2}, outputs: rwkv.AllLogits}
	specs := m.arch.State(m.config)
	ctx, err := m.lib.NewContext(len(specs))
	if err != nil {
		return false
	}
	defer ctx.Close()
	state := map[stateKey]ggml.Tensor{}
	for _, spec := range specs {
		if state[stateKey{spec.Layer, spec.Name}], err = ctx.New(gguf.F32, spec.Elements, int64(len(of.lengths))); err != nil {
			return false
		}
	}
	p := m.emptyPlan(of)
	defer p.close()
	m.build(p, of, state)
	return p.graph.Err() == nil && p.graph.Exact()
}
