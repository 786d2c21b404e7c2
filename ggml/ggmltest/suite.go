package ggmltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/probe"
)

// Run compares every operation on the device with float64.
func Run(t *testing.T, lib *ggml.Library, d ggml.Device) {
	NoLeaks(t)
	rng := rand.New(rand.NewPCG(7, 1))
	x, y := Random(rng, 96, 5, 2), Random(rng, 96, 5, 2)
	row := Random(rng, 96)

	type operands = []ggml.Tensor
	cases := map[string]struct {
		args  []Array
		build func(a operands) ggml.Tensor
		want  Array
	}{
		"add":                {[]Array{x, y}, func(a operands) ggml.Tensor { return a[0].Add(a[1]) }, x.zip(y, func(x, y float64) float64 { return x + y })},
		"add a row to each":  {[]Array{x, row}, func(a operands) ggml.Tensor { return a[0].Add(a[1]) }, x.zip(row, func(x, y float64) float64 { return x + y })},
		"sub":                {[]Array{x, y}, func(a operands) ggml.Tensor { return a[0].Sub(a[1]) }, x.zip(y, func(x, y float64) float64 { return x - y })},
		"mul by a row":       {[]Array{x, row}, func(a operands) ggml.Tensor { return a[0].Mul(a[1]) }, x.zip(row, func(x, y float64) float64 { return x * y })},
		"neg":                {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Neg() }, x.Map(func(x float64) float64 { return -x })},
		"sqr":                {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Sqr() }, x.Map(func(x float64) float64 { return x * x })},
		"relu":               {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Relu() }, x.Map(func(x float64) float64 { return math.Max(x, 0) })},
		"tanh":               {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Tanh() }, x.Map(math.Tanh)},
		"sigmoid":            {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Sigmoid() }, x.Map(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })},
		"exp":                {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Exp() }, x.Map(math.Exp)},
		"scale":              {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Scale(-0.606531) }, x.Map(func(x float64) float64 { return -0.606531 * x })},
		"norm":               {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Norm(64e-5) }, x.rows(probe.Norm(64e-5))},
		"rms norm":           {[]Array{x}, func(a operands) ggml.Tensor { return a[0].RMSNorm(1e-6) }, x.rows(rmsRow(1e-6))},
		"l2 norm":            {[]Array{x}, func(a operands) ggml.Tensor { return a[0].L2Norm(1e-12) }, x.rows(probe.Unit)},
		"sum of rows":        {[]Array{x}, func(a operands) ggml.Tensor { return a[0].SumRows() }, x.rows(func(r []float64) []float64 { return []float64{sum(r)} })},
		"pad rows":           {[]Array{x}, func(a operands) ggml.Tensor { return a[0].PadRows(128) }, x.rows(func(r []float64) []float64 { return append(append([]float64{}, r...), make([]float64, 32)...) })},
		"part of rows":       {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Slice(0, 8, 40).Cont() }, x.rows(func(r []float64) []float64 { return r[8:48] })},
		"sum of columns":     {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Permute(1, 0, 2, 3).Cont().SumRows() }, columns(x)},
		"norm of part":       {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Slice(0, 8, 40).Norm(1e-5) }, x.rows(func(r []float64) []float64 { return probe.Norm(1e-5)(r[8:48]) })},
		"reshape":            {[]Array{x}, func(a operands) ggml.Tensor { return a[0].Reshape(32, 30).SumRows() }, Array{Shape: [4]int64{32, 30, 1, 1}, Data: x.Data}.rows(func(r []float64) []float64 { return []float64{sum(r)} })},
		"join":               {[]Array{x, y}, func(a operands) ggml.Tensor { return a[0].Concat(a[1].Slice(1, 0, 3), 1) }, join(x, y, 3)},
		"matrix product":     {[]Array{Random(rand.New(rand.NewPCG(7, 2)), 96, 64), x}, func(a operands) ggml.Tensor { return a[1].MatMul(a[0]) }, product(Random(rand.New(rand.NewPCG(7, 2)), 96, 64), x)},
		"lerp of one column": {[]Array{Random(rand.New(rand.NewPCG(7, 3)), 96, 6), row}, func(a operands) ggml.Tensor { return a[0].Mul(a[1]).Add(a[1]) }, Random(rand.New(rand.NewPCG(7, 3)), 96, 6).zip(row, func(x, y float64) float64 { return x*y + y })},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := Compute(t, d, lib, c.args, func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor { return c.build(a) })
			// GPUs multiply matrices in half precision where they may
			tolerance := 1e-5
			if name == "matrix product" && !d.IsHost() {
				tolerance = 2e-3
			}
			Close(t, c.want.Data, got, tolerance)
		})
	}
	t.Run("copy into a state", func(t *testing.T) {
		_, state := Compute(t, d, lib, []Array{x, Zeros(96, 5, 2)}, func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
			y := a[0].Scale(2)
			g.Compute(y.CopyTo(a[1]))
			return y
		})
		Close(t, x.Map(func(x float64) float64 { return 2 * x }).Data, state[1], 1e-6)
	})
	for _, size := range []int64{64, 128} {
		t.Run(fmt.Sprintf("wkv7 with heads of %d", size), func(t *testing.T) {
			if !d.RunsWKV(size) {
				t.Skipf("the kernel of %s does not hold for %d", d.Backend, size)
			}
			runWKV7(t, lib, d, size)
		})
	}
}

func runWKV7(t *testing.T, lib *ggml.Library, d ggml.Device, size int64) {
	const heads, length, seqs = 3, 7, 2
	rng := rand.New(rand.NewPCG(7, uint64(size)))
	args := make([]Array, 6)
	for i := range args {
		args[i] = Random(rng, size, heads, length*seqs)
	}
	args[1] = args[1].Map(func(x float64) float64 { return float64(float32(math.Exp(-0.6 / (1 + math.Exp(-x))))) }) // decay
	args[4] = args[4].rows(probe.Unit).Map(func(x float64) float64 { return float64(float32(-x)) })
	args[5] = args[4].Map(func(x float64) float64 { return float64(float32(-0.5 * x)) })
	state := Random(rng, size*size*heads, seqs)
	want := WKV7(args[0], args[1], args[2], args[3], args[4], args[5], state)
	got, _ := Compute(t, d, lib, append(args, state), func(g *ggml.Graph, a []ggml.Tensor) ggml.Tensor {
		return a[0].WKV7(a[1], a[2], a[3], a[4], a[5], a[6])
	})
	Close(t, want, got, 1e-5)
}

// WKV7 computes the recurrence that ggml.Tensor.WKV7 describes. It returns y of each token, then the states.
func WKV7(r, w, k, v, a, b, state Array) []float64 {
	n, heads, tokens, seqs := int(r.Shape[0]), int(r.Shape[1]), int(r.Shape[2]), int(state.Shape[1])
	inputs, states := n*heads*(tokens/seqs), n*n*heads // of a sequence
	s := append([]float64{}, state.Data...)
	var y []float64
	for i := range seqs {
		of := func(x Array) []float64 { return x.Data[i*inputs:][:inputs] }
		y = append(y, probe.WKV7(n, heads, of(r), of(w), of(k), of(v), of(a), of(b), s[i*states:][:states])...)
	}
	return append(y, s...)
}

// RunLaws tests laws that need no numbers, such as that a graph keeps its first mistake and ggml does not abort.
func RunLaws(t *testing.T, lib *ggml.Library) {
	NoLeaks(t)
	g := lib.NewGraph()
	defer g.Close()
	x := g.Input(0, 8, 3)
	y := x.MatMul(g.Input(0, 9, 4)).Add(x).Norm(1e-5)
	g.Output(y)
	require.ErrorContains(t, g.Err(), "mul_mat [8 3] F32, [9 4] F32")
}

func sum(row []float64) float64 {
	s := 0.0
	for _, x := range row {
		s += x
	}
	return s
}

// columns sums up over the second dimension, whose place it takes.
func columns(x Array) Array {
	y := Zeros(1, x.Shape[0], x.Shape[2], x.Shape[3])
	for i, v := range x.Data {
		in, rows := int(x.Shape[0]), int(x.Shape[1])
		y.Data[i/(in*rows)*in+i%in] += v
	}
	return y
}

func rmsRow(eps float64) func([]float64) []float64 {
	return func(row []float64) []float64 {
		square := 0.0
		for _, x := range row {
			square += x * x / float64(len(row))
		}
		y := make([]float64, len(row))
		for i, x := range row {
			y[i] = x / math.Sqrt(square+eps)
		}
		return y
	}
}

// join appends the first n columns of b to those of a, for each of the outer dimension.
func join(a, b Array, n int64) Array {
	c := Array{Shape: a.Shape}
	c.Shape[1] += n
	size := a.Shape[0] * a.Shape[1]
	for i := int64(0); i < a.Shape[2]; i++ {
		c.Data = append(c.Data, a.Data[i*size:(i+1)*size]...)
		c.Data = append(c.Data, b.Data[i*size:i*size+n*a.Shape[0]]...)
	}
	return c
}

// product is x [in, n, m] times w [in, out]: [out, n, m].
func product(w, x Array) Array {
	return x.rows(func(row []float64) []float64 {
		y := make([]float64, w.Shape[1])
		for o := range y {
			for i := range row {
				y[o] += w.Data[o*len(row)+i] * row[i]
			}
		}
		return y
	})
}
