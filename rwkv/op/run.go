package op

import (
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Run is a stretch of neighbouring sequences of a batch that are equally long. What goes from token to token is computed run
// by run, so that a batch of equal sequences, the usual one, takes one operation for each step.
type Run struct {
	Seqs, Length int64 // sequences, and the tokens of each

	seq, token       int64 // the first ones
	allSeqs, allToks bool
}

// runs are the runs of a batch, without sequences that have no tokens.
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

// Of is the run's part of x, whose dimension dim is the batch's tokens.
func (r Run) Of(x ggml.Tensor, dim int) ggml.Tensor {
	if r.allToks {
		return x
	}
	return x.Slice(dim, r.token, r.Seqs*r.Length)
}

// State is the run's part of a state, [elements, sequences].
func (r Run) State(g *ggml.Graph, state ggml.Tensor) ggml.Tensor {
	state = g.Use(state)
	if r.allSeqs {
		return state
	}
	return state.Slice(1, r.seq, r.Seqs)
}

// ByRun joins what f computes for each run of the batch along dimension dim, that of its tokens.
func ByRun(b rwkv.Batch, dim int, f func(Run) ggml.Tensor) ggml.Tensor {
	var parts []ggml.Tensor
	for _, r := range runs(b.Lengths) {
		parts = append(parts, f(r))
	}
	return join(parts, dim)
}

// join concatenates by halves, which copies each part log(n) times rather than n.
func join(parts []ggml.Tensor, dim int) ggml.Tensor {
	if n := len(parts); n > 1 {
		return join(parts[:n/2], dim).Concat(join(parts[n/2:], dim), dim)
	}
	return parts[0]
}
