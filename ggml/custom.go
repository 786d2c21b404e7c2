package ggml

import (
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Custom is an operation of our own, which the CPU computes.
type Custom struct {
	Type  gguf.Type // of the result
	Shape [4]int64  // of the result

	// Function is the address of a C function that all threads run: void (*)(struct ggml_tensor * result, int ith, int nth, void * call).
	Function uintptr
	Call     unsafe.Pointer // what it is given. It must lie outside of Go's heap and outlive the graph

	// Place is told the addresses of the operand and of the result before the graph is computed first.
	Place func(operand, result uintptr) error
}

// Custom is the result of an operation of our own on a contiguous tensor. In a graph of several devices t must be pinned to the CPU
// (On): the scheduler would otherwise hand over a copy of it, at an address that Place is not told.
func (t Tensor) Custom(name string, o Custom) Tensor {
	y := build(name, t.contiguous(), "want a contiguous tensor", o.Shape, func(c *bindings.Library, ctx bindings.Context) bindings.Tensor {
		operands := [1]bindings.Tensor{t.p}
		const allThreads = -1
		n := o.Shape
		return c.Custom(ctx, int32(o.Type), n[0], n[1], n[2], n[3], unsafe.Pointer(&operands), 1, o.Function, allThreads, o.Call)
	}, t)
	y.typ = o.Type
	fillStrides(&y.nb, y.ne, y.typ)
	y.g.placed = append(y.g.placed, func() error { return o.Place(t.address(), y.address()) })
	return y
}

// address is where the tensor lies, once it was placed.
func (t Tensor) address() uintptr { return t.lib.c.Data(t.p) }
