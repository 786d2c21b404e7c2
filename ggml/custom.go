package ggml

import (
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Custom is an operation of our own, which the CPU computes.
type Custom struct {
	Name     string
	Operands []Tensor // results of the graph, at most 9. They must be contiguous unless Gaps is true
	Gaps     bool
	Weights  []Tensor // that it reads, in the CPU's memory
	States   []Tensor // that it reads and writes, in the CPU's memory
	Type     gguf.Type
	Shape    [4]int64 // of the result

	// Function is the address of a C function that all threads run: void (*)(struct ggml_tensor * result, int ith, int nth, void * call).
	Function uintptr
	Call     unsafe.Pointer // the last argument of Function. It must lie outside of Go's heap and outlive the graph

	// Place gets the addresses of all tensors. NewScheduler and Library.Place call it.
	Place func(Addresses) error

	result Tensor
}

const mostOperands = 9

// Addresses are where the tensors of a Custom lie. A zero Tensor has the address 0.
type Addresses struct {
	Result                    uintptr
	Operands, Weights, States []uintptr
}

// Custom adds an operation of our own and returns its result. In a graph of several devices the operands must be pinned to the CPU with
// On. Otherwise the scheduler may pass a copy of an operand, at another address than Place got.
func (g *Graph) Custom(o Custom) Tensor {
	ok := len(o.Operands) > 0 && len(o.Operands) <= mostOperands
	for _, t := range o.Operands {
		ok = ok && (o.Gaps || t.Contiguous())
	}
	y := build(Operation{Name: o.Name, Operands: o.Operands, Shape: o.Shape}, ok, "want 1 to 9 contiguous tensors", func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
		var operands [mostOperands]bindings.Tensor
		for i, t := range o.Operands {
			operands[i] = t.p
		}
		const allThreads = -1
		n := o.Shape
		return c.Custom(ctx, int32(o.Type), n[0], n[1], n[2], n[3], unsafe.Pointer(&operands), int32(len(o.Operands)), o.Function, allThreads, o.Call)
	})
	y.typ = o.Type
	fillStrides(&y.nb, y.ne, y.typ)
	if o.result = y; y.p != 0 {
		g.custom[y.p] = o
	}
	return y
}

// place tells the graph's own operations where their tensors lie.
func (g *Graph) place() error {
	for _, o := range g.custom {
		if err := o.place(); err != nil {
			return err
		}
	}
	return nil
}

// place tells the operation where its tensors lie.
func (o Custom) place() error {
	return o.Place(Addresses{o.result.address(), addresses(o.Operands), addresses(o.Weights), addresses(o.States)})
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
