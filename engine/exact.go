package engine

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Exact reports whether the model's results are exact: the bits of a text's logits, embeddings and states depend neither on the chunks in
// which the text is read, nor on the texts beside it in a Batch, nor on the number of threads. They still depend on the level of kernels
// (Kernels) and on the build of ggml.
//
// A model is exact if the CPU computes all of it, our own kernels multiply with all of its matrices, and its version's recurrence takes
// one token after another. Version 4 computes the recurrence of a chunk in another order, so it is never exact.
func (m *Model) Exact() bool { return m.exact() }

// findExact builds a graph of texts of one token and of several, and asks it. The graph is never computed. A model whose graph cannot be
// built is not exact.
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
	g := m.lib.NewGraph()
	p := &plan{graph: g, calls: kernels.NewCalls(m.options.Threads), tokens: g.Input(gguf.I32, of.tokens())}
	defer p.close()
	m.build(p, of, state)
	return g.Err() == nil && g.Exact()
}
