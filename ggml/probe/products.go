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

// quantized rounds a matrix to a type. It returns its elements then, and the bytes.
func (p prober) quantized(typ gguf.Type, x []float64) (elements []float64, data []byte, err error) {
	rowBytes, err := typ.RowBytes(matrixIn)
	if err != nil {
		return nil, nil, err
	}
	narrow := make([]float32, len(x))
	for i, v := range x {
		narrow[i] = float32(v)
	}
	data = make([]byte, rowBytes*matrixOut)
	if err := p.lib.Quantize(typ, data, narrow, matrixIn, nil); err != nil {
		return nil, nil, err
	}
	if err := p.lib.Dequantize(typ, narrow, data); err != nil {
		return nil, nil, err
	}
	elements = make([]float64, len(x))
	for i, v := range narrow {
		elements[i] = float64(v)
	}
	return elements, data, nil
}
