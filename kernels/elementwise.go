package kernels

import (
	"fmt"
	"unsafe"
)

// elementwise is the argument of the body applying. run_amd64.s and gen/elementwise.go read it. A piece is a chunk of elements.
type elementwise struct {
	shared

	function         uintptr
	a, b, out        uintptr
	n, period, chunk int64
	number           float32
}

// Elementwise adds a call that computes a function for each of n elements. All numbers are float32. The unary functions are neg, sqr,
// scale (by number), relu, relu_sqr (the square of relu), sigmoid, silu, exp, exp_neg_exp (e^(-e^x)) and tanh. The binary ones are add,
// sub and mul. Their second operand has period elements and is repeated. Elementwise fails for other functions and numbers of elements,
// or if the system gives no memory.
func (c *Calls) Elementwise(function string, n, period int64, number float32) (*Call, error) {
	binary := false
	switch function {
	case "add", "sub", "mul":
		binary = true
	case "neg", "sqr", "scale", "relu", "relu_sqr", "sigmoid", "silu", "exp", "exp_neg_exp", "tanh":
		period = n
	default:
		return nil, fmt.Errorf("kernels: there is no function %q", function)
	}
	if n <= 0 || n > 1<<40 || period <= 0 || n%period != 0 {
		return nil, fmt.Errorf("kernels: %s of %d elements and %d", function, n, period)
	}
	to, err := c.place(unsafe.Sizeof(elementwise{}))
	if err != nil {
		return nil, err
	}
	e := (*elementwise)(to)
	*e = elementwise{
		shared:   shared{kernel: sharingKernel, body: elementwiseBody, pieces: (n + smallPiece - 1) / smallPiece},
		function: functions[function], n: n, period: period, chunk: smallPiece, number: number,
	}
	call := &Call{of: c, head: &e.shared, out: &e.out, in: []*uintptr{&e.a}}
	if binary {
		call.in = append(call.in, &e.b)
	}
	return call, nil
}

// copying is the argument of the body of that name. gen/shift.go reads it. A piece is a run of rows.
type copying struct {
	shared

	in, out  uintptr
	table    uintptr // a Move for each row
	rows     int64
	rowBytes int64
	run      int64
}

// Move tells where a row is copied from and to: the offsets in bytes from the operand and from the result.
type Move struct{ From, To int64 }

// Copy adds a call that copies rows of rowBytes bytes, a multiple of 4. Copy fails if there are no rows, or if the system gives no memory.
func (c *Calls) Copy(rowBytes int64, moves []Move) (*Call, error) {
	if rowBytes <= 0 || rowBytes%4 != 0 || len(moves) == 0 {
		return nil, fmt.Errorf("kernels: copying %d rows of %d bytes", len(moves), rowBytes)
	}
	table, err := c.place(unsafe.Sizeof(Move{}) * uintptr(len(moves)))
	if err != nil {
		return nil, err
	}
	copy(unsafe.Slice((*Move)(table), len(moves)), moves)
	to, err := c.place(unsafe.Sizeof(copying{}))
	if err != nil {
		return nil, err
	}
	m, rows, run := (*copying)(to), int64(len(moves)), max(1, 4*smallPiece/rowBytes)
	*m = copying{
		shared: shared{kernel: sharingKernel, body: copyBody, pieces: (rows + run - 1) / run},
		table:  uintptr(table), rows: rows, rowBytes: rowBytes, run: run,
	}
	return &Call{of: c, head: &m.shared, out: &m.out, in: []*uintptr{&m.in}}, nil
}
