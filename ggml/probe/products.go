package probe

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
)

// types are those of the matrices in files that this program and llama.cpp make.
var types = []gguf.Type{
	gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q6_K, gguf.Q5_K, gguf.Q5_1, gguf.Q5_0, gguf.Q4_K, gguf.Q4_1, gguf.Q4_0,
	gguf.IQ4_NL, gguf.IQ4_XS, gguf.Q3_K, gguf.Q2_K,
}

// A matrix [matrixIn, matrixOut] is multiplied with one column, as in decoding, and with several, which other kernels do.
const matrixIn, matrixOut = 512, 64

var columns = []int{1, 3, 40}

// products checks matrices of every type in every kind of memory of the device.
func (p prober) products(ctx context.Context) error {
	exact := normal(seed(1), matrixIn*matrixOut)
	x := normal(seed(2), matrixIn*columns[len(columns)-1])
	for _, typ := range types {
		w, data, err := p.quantized(typ, exact)
		if err != nil {
			return err
		}
		for _, kind := range p.device.BufferTypes() {
			if !kind.HoldsMatrix(typ, matrixIn, matrixOut) {
				continue
			}
			for _, n := range columns {
				matrix := operand{typ: typ, shape: []int64{matrixIn, matrixOut}, data: data, kind: kind}
				if err := p.product(ctx, matrix, w, x[:matrixIn*n]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// product multiplies a matrix, whose elements are w, with the columns x.
func (p prober) product(ctx context.Context, matrix operand, w, x []float64) error {
	n := len(x) / matrixIn
	got, err := p.compute(ctx, func(in []ggml.Tensor) ggml.Tensor { return in[1].MatMul(in[0]) },
		matrix, p.floats(x, matrixIn, int64(n)))
	if err != nil {
		return err
	}
	row := func(i int) []float64 { return w[i%matrixOut*matrixIn:][:matrixIn] }
	column := func(i int) []float64 { return x[i/matrixOut*matrixIn:][:matrixIn] }
	want := make([]float64, len(got))
	for i := range want {
		for j, v := range column(i) {
			want[i] += row(i)[j] * v
		}
	}
	a := ArithmeticOf(matrix.typ, p.device)
	what := fmt.Sprintf("a product of %s weights in %s memory, %d columns at once,", matrix.typ, matrix.kind.Name(), n)
	return compare(what, got, want, func(i int) float64 { return a.bound(row(i), column(i)) })
}

// Kernel compares products of a kernel for the CPU with those of ggml's CPU backend, for matrices of one type. multiply multiplies a
// matrix [in, out] with the columns in x. rows has the bytes of the matrix as a GGUF file stores them. The results may differ by the
// rounding errors of both. A larger difference is an error.
func Kernel(ctx context.Context, lib *ggml.Library, typ gguf.Type, multiply func(in, out int64, rows []byte, x []float32) ([]float32, error)) error {
	p := prober{lib: lib, device: lib.CPU()}
	w, data, err := p.quantized(typ, normal(seed(1), matrixIn*matrixOut))
	if err != nil {
		return err
	}
	a := ArithmeticOf(typ, p.device)
	for _, n := range columns {
		x := normal(seed(2), matrixIn*n)
		matrix := operand{typ: typ, shape: []int64{matrixIn, matrixOut}, data: data, kind: p.device.BufferType()}
		theirs, err := p.compute(ctx, func(in []ggml.Tensor) ggml.Tensor { return in[1].MatMul(in[0]) }, matrix, p.floats(x, matrixIn, int64(n)))
		if err != nil {
			return err
		}
		ours, err := multiply(matrixIn, matrixOut, data, narrowed(x))
		if err != nil {
			return err
		}
		bound := func(i int) float64 {
			return 2 * a.bound(w[i%matrixOut*matrixIn:][:matrixIn], x[i/matrixOut*matrixIn:][:matrixIn])
		}
		if err := compare(fmt.Sprintf("a product of %s weights, %d columns at once,", typ, n), ours, widened(theirs), bound); err != nil {
			return err
		}
	}
	return nil
}

// quantized rounds a matrix to a type. It returns its elements then, and the bytes.
func (p prober) quantized(typ gguf.Type, x []float64) (elements []float64, data []byte, err error) {
	rowBytes, err := typ.RowBytes(matrixIn)
	if err != nil {
		return nil, nil, err
	}
	narrow := narrowed(x)
	data = make([]byte, rowBytes*matrixOut)
	if err := p.lib.Quantize(typ, data, narrow, matrixIn, nil); err != nil {
		return nil, nil, err
	}
	if err := p.lib.Dequantize(typ, narrow, data); err != nil {
		return nil, nil, err
	}
	return widened(narrow), data, nil
}

func narrowed(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func widened(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
