package op

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Shifted is the input of a mix. x is the normalized residual stream. dx is x one token earlier, minus x. A mix calls either Lerps or
// Both, and only once. That call also updates the state, the last x of each sequence.
type Shifted struct {
	batch  rwkv.Batch
	stream ggml.Tensor // [channels, tokens]
	norm   Norm
	eps    float32
	state  ggml.Tensor
	last   bool // only the last token of each sequence is mixed
}

// Both builds x and dx, both [channels, tokens].
func (s Shifted) Both() (x, dx ggml.Tensor) {
	if both, ok := s.kernel([]lerp{{fixed: kernels.SameRow}, {fixed: kernels.Difference}}); ok {
		return both[0], both[1]
	}
	x = s.norm.of(s.stream, s.eps)
	dx = tokenShift(s.batch, x, s.state)
	if s.last {
		x, dx = lastOf(s.batch, x), lastOf(s.batch, dx)
	}
	return x, dx
}

// Lerps builds x + dx ⊙ mu for each row mu of each tensor in mus, [channels, ...]. Each result is [channels, tokens].
func (s Shifted) Lerps(mus ...ggml.Tensor) []ggml.Tensor {
	var rows []lerp
	for _, mu := range mus {
		for i := range mu.Rows() {
			rows = append(rows, lerp{mu: mu, row: i})
		}
	}
	if all, ok := s.kernel(rows); ok {
		return all
	}
	x, dx := s.Both()
	var all []ggml.Tensor
	for _, mu := range mus {
		of := lerps(s.batch.Graph, x, dx, mu)
		for i := range mu.Rows() {
			all = append(all, of(i))
		}
	}
	return all
}

// lerp is a result of the kernel: x + dx ⊙ (a row of mu), or what fixed stands for.
type lerp struct {
	mu    ggml.Tensor
	row   int64
	fixed uintptr
}

// kernel builds lerps with one operation of package kernels. It reports false, and builds nothing, if it has no kernel.
func (s Shifted) kernel(rows []lerp) (all []ggml.Tensor, ok bool) {
	b, channels, tokens, n := s.batch, s.stream.Dim(0), s.stream.Rows(), int64(len(rows))
	if b.Calls == nil || channels%kernels.ShiftStep != 0 || tokens == 0 {
		return nil, false
	}
	call, err := b.Calls.Shift(channels, b.Lengths, len(rows), s.eps, s.norm.Bias.IsZero())
	if err != nil {
		b.Graph.Fail(fmt.Errorf("the token shift: %w", err))
		return make([]ggml.Tensor, n), true
	}
	weights := []ggml.Tensor{s.norm.Weight, s.norm.Bias}
	for _, r := range rows {
		weights = append(weights, r.mu)
	}
	y := b.Graph.Custom(ggml.Custom{
		Name: "shift", Operands: []ggml.Tensor{s.stream}, Weights: weights, States: []ggml.Tensor{s.state},
		Type: gguf.F32, Shape: [4]int64{channels, n*tokens + int64(len(b.Lengths)), 1, 1},
		Function: kernels.Entry(), Call: call.Pointer(),
		Place: func(a ggml.Addresses) error {
			at := kernels.Shift{X: a.Operands[0], State: a.States[0], Scale: a.Weights[0], Bias: a.Weights[1], Out: a.Result}
			for i, r := range rows {
				mu := r.fixed
				if !r.mu.IsZero() {
					mu = a.Weights[2+i] + uintptr(4*channels*r.row)
				}
				at.Mus = append(at.Mus, mu)
			}
			return call.Place(at)
		},
	})
	b.Graph.Compute(y) // reads the old state before the copy below replaces it
	b.Graph.Compute(y.Slice(1, n*tokens, int64(len(b.Lengths))).CopyTo(b.Graph.Use(s.state)))
	for i := range n {
		lerp := y.Slice(1, i*tokens, tokens)
		if s.last {
			lerp = lastOf(b, lerp)
		}
		all = append(all, lerp)
	}
	return all, true
}

// lastOf returns the columns of x, [channels, tokens], for the last token of each sequence.
func lastOf(b rwkv.Batch, x ggml.Tensor) ggml.Tensor {
	if b.Calls == nil {
		return x.GetRows(b.Last)
	}
	var moves []kernels.Move
	for i, token := range b.LastOf {
		moves = append(moves, kernels.Move{From: int64(token) * x.Stride(1), To: int64(i) * x.Stride(1)})
	}
	call, err := b.Calls.Copy(4*x.Dim(0), moves)
	if err != nil {
		b.Graph.Fail(fmt.Errorf("the last tokens: %w", err))
		return x
	}
	return b.Graph.Custom(ggml.Custom{
		Name: "last", Operands: []ggml.Tensor{x}, Type: gguf.F32, Shape: [4]int64{x.Dim(0), int64(len(moves)), 1, 1},
		Function: kernels.Entry(), Call: call.Pointer(),
		Place: func(at ggml.Addresses) error { return call.Place(at.Result, at.Operands...) },
	})
}

// tokenShift builds dx for x: x one token earlier, minus x. Both are [channels, tokens]. The state holds the last x of each sequence, and
// tokenShift updates it.
func tokenShift(b rwkv.Batch, x, state ggml.Tensor) ggml.Tensor {
	return ByRun(b, 1, func(r Run) ggml.Tensor {
		channels, x, state := x.Dim(0), r.Of(x, 1), r.State(b.Graph, state)
		bySeq := x.Reshape(channels, r.Length, r.Seqs)
		prev := state.Reshape(channels, 1, r.Seqs)
		if r.Length > 1 {
			prev = prev.Concat(bySeq.Slice(1, 0, r.Length-1), 1)
		}
		dx := prev.Reshape(channels, r.Length*r.Seqs).Sub(x)
		b.Graph.Compute(dx) // reads the old state before the copy below replaces it
		b.Graph.Compute(bySeq.Slice(1, r.Length-1, 1).CopyTo(state))
		return dx
	})
}

// lerps returns a function that builds x + dx ⊙ mu_i, where mu_i is row i of mu.
func lerps(g *ggml.Graph, x, dx, mu ggml.Tensor) func(i int64) ggml.Tensor {
	mu = g.Use(mu).Reshape(mu.Dim(0), mu.Rows())
	if x.Rows() == 1 { // for a single token, two operations compute all lerps
		all := mu.Mul(dx).Add(x)
		return func(i int64) ggml.Tensor { return all.Slice(1, i, 1) }
	}
	return func(i int64) ggml.Tensor { return dx.Mul(mu.Slice(1, i, 1)).Add(x) }
}
