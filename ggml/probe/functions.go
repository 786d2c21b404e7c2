package probe

import (
	"context"
	"math"

	"github.com/gosling-rwkv/gosling/ggml"
)

// functionGrowth times the unit roundoff of float32 is how far a function of normally distributed numbers, or a recurrence over a
// few tokens, may be off, relative to the largest result.
const functionGrowth = 1024

// relative is the bound of every element of want.
func relative(want []float64) func(int) float64 {
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	return func(int) float64 { return functionGrowth * UnitF32 * largest }
}

// function is one that models apply, in ggml and in float64 to one row.
type function struct {
	name  string
	build func(ggml.Tensor) ggml.Tensor
	want  func(row []float64) []float64
}

// each applies f to every element.
func each(f func(float64) float64) func([]float64) []float64 {
	return func(row []float64) []float64 {
		y := make([]float64, len(row))
		for i, x := range row {
			y[i] = f(x)
		}
		return y
	}
}

func sum(row []float64, f func(float64) float64) float64 {
	s := 0.0
	for _, x := range row {
		s += f(x)
	}
	return s
}

func square(x float64) float64 { return x * x }

var functions = []function{
	{"exp", ggml.Tensor.Exp, each(math.Exp)},
	{"tanh", ggml.Tensor.Tanh, each(math.Tanh)},
	{"sigmoid", ggml.Tensor.Sigmoid, each(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })},
	{"silu", ggml.Tensor.SiLU, each(func(x float64) float64 { return x / (1 + math.Exp(-x)) })},
	{"relu", ggml.Tensor.Relu, each(func(x float64) float64 { return max(x, 0) })},
	{"square", ggml.Tensor.Sqr, each(square)},
	{"a sum of rows", ggml.Tensor.SumRows, func(row []float64) []float64 { return []float64{sum(row, func(x float64) float64 { return x })} }},
	{"a norm", func(t ggml.Tensor) ggml.Tensor { return t.Norm(64e-5) }, Norm(64e-5)},
	{"an L2 norm", func(t ggml.Tensor) ggml.Tensor { return t.L2Norm(1e-12) }, Unit},
}

// Norm shifts and scales a row to a mean of 0 and a variance of 1, as ggml.Tensor.Norm does.
func Norm(eps float64) func(row []float64) []float64 {
	return func(row []float64) []float64 {
		n := float64(len(row))
		mean := sum(row, func(x float64) float64 { return x }) / n
		variance := sum(row, func(x float64) float64 { return square(x - mean) }) / n
		return each(func(x float64) float64 { return (x - mean) / math.Sqrt(variance+eps) })(row)
	}
}

// Unit scales a row to a length of 1, as ggml.Tensor.L2Norm does with an epsilon of 1e-12.
func Unit(row []float64) []float64 {
	length := max(math.Sqrt(sum(row, square)), 1e-12)
	return each(func(x float64) float64 { return x / length })(row)
}

// functions checks the functions on rows whose length is not a multiple of a vector's length.
func (p prober) functions(ctx context.Context) error {
	const length, rows = 67, 5
	x := normal(seed(3), length*rows)
	for _, f := range functions {
		got, err := p.compute(ctx, func(in []ggml.Tensor) ggml.Tensor { return f.build(in[0]) }, p.floats(x, length, rows))
		if err != nil {
			return err
		}
		var want []float64
		for i := range rows {
			want = append(want, f.want(x[i*length:][:length])...)
		}
		if err := compare(f.name, got, want, relative(want)); err != nil {
			return err
		}
	}
	return nil
}
