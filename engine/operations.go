package engine

import (
	"fmt"
	"sync"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
)

// operations builds operations of a graph with our own kernels: matrix products, and if the CPU computes all of the graph, also
// elementwise functions, norms and copies.
type operations struct {
	model *Model
	graph *ggml.Graph
	calls *kernels.Calls
}

// checkFunctions tests our own kernels other than products. It does so once.
var checkFunctions = sync.OnceValue(kernels.CheckFunctions)

// right reports whether kernels other than products are right on this processor, and warns if they are not.
func (m *Model) right(err error) bool {
	if err != nil {
		m.options.Log.Warn("ggml computes all but matrix products, because our kernel is wrong on this processor", "error", err)
	}
	return err == nil
}

// build builds an operation. It reports false if there is no kernel for it.
func (b operations) build(o ggml.Operation) (ggml.Tensor, bool) {
	if o.Name == "mul_mat" {
		return b.product(o.Operands[0], o.Operands[1])
	}
	if !b.model.functions {
		return ggml.Tensor{}, false
	}
	x := o.Operands[0]
	switch o.Name {
	case "add", "sub", "mul":
		if period, ok := repeated(o.Operands[1], x); ok {
			call, err := b.calls.Elementwise(o.Name, x.Elements(), period, 0)
			return b.add(o, call, err), true
		}
	case "neg", "sqr", "scale", "relu", "relu_sqr", "sigmoid", "silu", "exp", "exp_neg_exp", "tanh":
		if x.Contiguous() && x.Elements() > 0 {
			call, err := b.calls.Elementwise(o.Name, x.Elements(), x.Elements(), o.Number)
			return b.add(o, call, err), true
		}
	case "norm", "rms_norm":
		if x.Contiguous() && x.Dim(0)%kernels.ShiftStep == 0 && x.Rows() > 0 {
			call, err := b.calls.Norm(x.Dim(0), x.Rows(), o.Number, o.Name == "rms_norm")
			return b.place(ggml.Custom{
				Name: o.Name, Operands: o.Operands, Type: gguf.F32, Shape: o.Shape,
				Place: func(at ggml.Addresses) error { return call.Place(at.Result, at.Operands[0], 0, 0) },
			}, call, err), true
		}
	case "cont", "repeat":
		if rowBytes, moves, ok := movesOf(x, dense(o.Shape)); ok {
			call, err := b.calls.Copy(rowBytes, moves)
			return b.add(o, call, err), true
		}
	case "cpy":
		to := o.Operands[1]
		if rowBytes, moves, ok := movesOf(x, layoutOf(to)); ok {
			call, err := b.calls.Copy(rowBytes, moves)
			return b.place(ggml.Custom{
				Name: o.Name, Operands: []ggml.Tensor{x}, Gaps: true, States: []ggml.Tensor{to}, Type: gguf.F32, Shape: [4]int64{1, 1, 1, 1},
				Place: func(at ggml.Addresses) error { return call.Place(at.States[0], at.Operands...) },
			}, call, err), true
		}
	}
	return ggml.Tensor{}, false
}

// add adds an operation that computes o with a call.
func (b operations) add(o ggml.Operation, call *kernels.Call, err error) ggml.Tensor {
	return b.place(ggml.Custom{Name: o.Name, Operands: o.Operands, Gaps: true, Type: gguf.F32, Shape: o.Shape}, call, err)
}

// place adds an operation that runs a call. Unless c.Place says otherwise, the call's operands are those of the operation.
func (b operations) place(c ggml.Custom, call *kernels.Call, err error) ggml.Tensor {
	if err != nil {
		b.graph.Fail(fmt.Errorf("%s: %w", c.Name, err))
		return c.Operands[0]
	}
	if c.Place == nil {
		c.Place = func(at ggml.Addresses) error { return call.Place(at.Result, at.Operands...) }
	}
	c.Function, c.Call = kernels.Entry(), call.Pointer()
	return b.graph.Custom(c)
}

// repeated returns the number of elements after which y is repeated to the shape of x. It reports false if a tensor has gaps, or if y is
// not repeated as a whole.
func repeated(y, x ggml.Tensor) (period int64, ok bool) {
	if !x.Contiguous() || !y.Contiguous() || x.Elements() == 0 {
		return 0, false
	}
	i := 0
	for i < 4 && y.Dim(i) == x.Dim(i) {
		i++
	}
	for ; i < 4; i++ {
		if y.Dim(i) != 1 {
			return 0, false
		}
	}
	return y.Elements(), true
}

// layout is a shape with the strides of its dimensions in bytes. A stride of 0 repeats.
type layout struct{ shape, strides [4]int64 }

func layoutOf(t ggml.Tensor) (l layout) {
	for i := range 4 {
		l.shape[i], l.strides[i] = t.Dim(i), t.Stride(i)
	}
	return l
}

// dense returns the layout of F32 numbers without gaps.
func dense(shape [4]int64) layout {
	l, bytes := layout{shape: shape}, int64(4)
	for i, n := range shape {
		l.strides[i] = bytes
		bytes *= n
	}
	return l
}

// mostMoves is the most rows that a kernel copies.
const mostMoves = 1 << 16

// movesOf returns how to copy x, F32, to a layout of its shape, or of a shape that x is repeated to. If neither has gaps, their shapes may
// differ. It reports false if there are no or too many rows, or if rows have gaps.
func movesOf(x ggml.Tensor, to layout) (rowBytes int64, moves []kernels.Move, ok bool) {
	from := layoutOf(x)
	if x.Contiguous() && to.shape[0]*to.shape[1]*to.shape[2]*to.shape[3] == x.Elements() && to.strides == dense(to.shape).strides {
		return 4 * x.Elements(), []kernels.Move{{}}, x.Elements() > 0
	}
	if from.strides[0] != 4 || to.strides[0] != 4 || from.shape[0] != to.shape[0] {
		return 0, nil, false
	}
	for i, n := range from.shape {
		if n == 0 || to.shape[i]%n != 0 {
			return 0, nil, false
		}
	}
	n, first := to.shape, 1
	for rowBytes = 4 * n[0]; first < 4 && from.shape[first] == n[first] && from.strides[first] == rowBytes && to.strides[first] == rowBytes; first++ {
		rowBytes *= n[first]
		n[first] = 1
	}
	rows := n[1] * n[2] * n[3]
	if rows == 0 || rows > mostMoves {
		return 0, nil, false
	}
	for i := range rows {
		at, move := i, kernels.Move{}
		for d := 1; d < 4; d++ {
			move.From += at % n[d] % from.shape[d] * from.strides[d]
			move.To += at % n[d] * to.strides[d]
			at /= n[d]
		}
		moves = append(moves, move)
	}
	return rowBytes, moves, true
}
