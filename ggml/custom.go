package ggml

import (
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Custom is an operation of our own, which the CPU computes.
type Custom struct {
	Name     string
	Operands []Tensor // contiguous results of the graph, at most 9
	Fixed    []Tensor // weights and states that it reads or writes, in the CPU's memory
	Type     gguf.Type
	Shape    [4]int64 // of the result

	// Function is the address of a C function that all threads run: void (*)(struct ggml_tensor * result, int ith, int nth, void * call).
	Function uintptr
	Call     unsafe.Pointer // the last argument of Function. It must lie outside of Go's heap and outlive the graph

	// Place gets the addresses of the result, the operands and the fixed tensors. NewScheduler calls it.
	Place func(result uintptr, operands, fixed []uintptr) error
}

const mostOperands = 9

// Custom adds an operation of our own and returns its result. In a graph of several devices the operands must be pinned to the CPU with
// On. Otherwise the scheduler may pass a copy of an operand, at another address than Place got.
func (g *Graph) Custom(o Custom) Tensor {
	ok := len(o.Operands) > 0 && len(o.Operands) <= mostOperands
	for _, t := range o.Operands {
		ok = ok && t.contiguous()
	}
	y := build(o.Name, ok, "want 1 to 9 contiguous tensors", o.Shape, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
		var operands [mostOperands]bindings.Tensor
		for i, t := range o.Operands {
			operands[i] = t.p
		}
		const allThreads = -1
		n := o.Shape
		return c.Custom(ctx, int32(o.Type), n[0], n[1], n[2], n[3], unsafe.Pointer(&operands), int32(len(o.Operands)), o.Function, allThreads, o.Call)
	}, o.Operands...)
	y.typ = o.Type
	fillStrides(&y.nb, y.ne, y.typ)
	g.placed = append(g.placed, func() error { return o.Place(y.address(), addresses(o.Operands), addresses(o.Fixed)) })
	return y
}

// address is where the tensor lies, once it was placed, or 0 for none.
func (t Tensor) address() uintptr {
	if t.IsZero() {
		return 0
	}
	return t.lib.c.Data(t.p)
}

func addresses(tensors []Tensor) []uintptr {
	at := make([]uintptr, len(tensors))
	for i, t := range tensors {
		at[i] = t.address()
	}
	return at
}
