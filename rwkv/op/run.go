package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Run is a group of consecutive sequences of a batch with the same length. Steps that go from token to token are computed per
// run. A batch whose sequences have equal lengths, the usual case, needs one operation for each step.
type Run struct {
	Seqs, Length int64 // number of sequences, and of tokens in each

	seq, token       int64 // the first sequence and token
	allSeqs, allToks bool
}

// runs returns the runs of a batch. It leaves out sequences without tokens.
func runs(lengths []int) []Run {
	var runs []Run
	token := int64(0)
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		if i > 0 && lengths[i-1] == n {
			runs[len(runs)-1].Seqs++
		} else {
			runs = append(runs, Run{Seqs: 1, Length: int64(n), seq: int64(i), token: token})
		}
		token += int64(n)
	}
	for i, r := range runs {
		runs[i].allSeqs, runs[i].allToks = r.Seqs == int64(len(lengths)), r.Seqs*r.Length == token
	}
	return runs
}

// Of returns the run's part of x. Dimension dim of x is the batch's tokens.
func (r Run) Of(x ggml.Tensor, dim int) ggml.Tensor {
	if r.allToks {
		return x
	}
	return x.Slice(dim, r.token, r.Seqs*r.Length)
}

// State returns the run's part of a state, [elements, sequences].
func (r Run) State(g *ggml.Graph, state ggml.Tensor) ggml.Tensor {
	state = g.Use(state)
	if r.allSeqs {
		return state
	}
	return state.Slice(1, r.seq, r.Seqs)
}

// ByRun computes f for each run of the batch and joins the results along dimension dim, which is the batch's tokens.
func ByRun(b rwkv.Batch, dim int, f func(Run) ggml.Tensor) ggml.Tensor {
	var parts []ggml.Tensor
	for _, r := range runs(b.Lengths) {
		parts = append(parts, f(r))
	}
	return join(parts, dim)
}

// join concatenates by halves, so that each part is copied log(n) times instead of n times.
func join(parts []ggml.Tensor, dim int) ggml.Tensor {
	if n := len(parts); n > 1 {
		return join(parts[:n/2], dim).Concat(join(parts[n/2:], dim), dim)
	}
	return parts[0]
}
