// Package ggmltest has the suite that every device passes. It computes each operation of our graphs on the device and compares it with the
// same formula in float64.
package ggmltest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Options returns the options with which tests open ggml. They look in the folder that GOSLING_GGML names, then among the libraries that
// the project has fetched, then in the usual places. CPUVariant is the value of GOSLING_CPU_VARIANT.
func Options() ggml.Options {
	o := ggml.Options{Folder: os.Getenv("GOSLING_GGML"), CPUVariant: os.Getenv("GOSLING_CPU_VARIANT")}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		o.Beside = filepath.Join(filepath.Dir(file), "..", "..")
	}
	return o
}

// Library opens ggml with Options. If ggml is missing, it skips the test and says what is missing.
func Library(t testing.TB) *ggml.Library {
	t.Helper()
	lib, err := ggml.Open(Options())
	if errors.Is(err, ggml.ErrNotFound) {
		t.Skipf("no ggml: %v", err)
	}
	require.NoError(t, err)
	return lib
}

// NoLeaks fails the test if handles that were made during the test are still open at its end.
func NoLeaks(t testing.TB) {
	before := ggml.Live()
	t.Cleanup(func() { require.Equal(t, before, ggml.Live(), "handles left open") })
}

// Array is a tensor in float64, fastest dimension first.
type Array struct {
	Shape [4]int64
	Data  []float64
}

// Random is an array of normally distributed numbers that float32 holds exactly.
func Random(rng *rand.Rand, shape ...int64) Array {
	a := Zeros(shape...)
	for i := range a.Data {
		a.Data[i] = float64(float32(rng.NormFloat64()))
	}
	return a
}

// Zeros is an array of zeros.
func Zeros(shape ...int64) Array {
	a := Array{Shape: [4]int64{1, 1, 1, 1}}
	copy(a.Shape[:], shape)
	a.Data = make([]float64, a.Shape[0]*a.Shape[1]*a.Shape[2]*a.Shape[3])
	return a
}

// Map applies f to each element.
func (a Array) Map(f func(float64) float64) Array {
	b := Array{Shape: a.Shape, Data: make([]float64, len(a.Data))}
	for i, x := range a.Data {
		b.Data[i] = f(x)
	}
	return b
}

// zip applies f to the elements of a and of b, b being repeated to a's shape.
func (a Array) zip(b Array, f func(x, y float64) float64) Array {
	c := Array{Shape: a.Shape, Data: make([]float64, len(a.Data))}
	for i := range a.Data {
		at, rest, stride := int64(0), int64(i), int64(1)
		for d := range 4 {
			at += rest % a.Shape[d] % b.Shape[d] * stride
			rest /= a.Shape[d]
			stride *= b.Shape[d]
		}
		c.Data[i] = f(a.Data[i], b.Data[at])
	}
	return c
}

// rows applies f to each row of the fastest dimension.
func (a Array) rows(f func(row []float64) []float64) Array {
	b := Array{Shape: a.Shape}
	n := int(a.Shape[0])
	for i := 0; i < len(a.Data); i += n {
		b.Data = append(b.Data, f(a.Data[i:i+n])...)
	}
	b.Shape[0] = int64(len(b.Data) / (len(a.Data) / n))
	return b
}

// Floats is the array in float32.
func (a Array) Floats() []float32 {
	x := make([]float32, len(a.Data))
	for i, v := range a.Data {
		x[i] = float32(v)
	}
	return x
}

// Compute builds a graph of the arrays on a device and computes it. It returns the elements of the result. The graph may write to args.
// state has the elements of args after the computation.
func Compute(t testing.TB, d ggml.Device, lib *ggml.Library, args []Array, build func(g *ggml.Graph, args []ggml.Tensor) ggml.Tensor) (result []float32, state [][]float32) {
	t.Helper()
	ctx, err := lib.NewContext(len(args))
	require.NoError(t, err)
	defer ctx.Close()
	var tensors []ggml.Tensor
	for _, a := range args {
		x, err := ctx.New(gguf.F32, a.Shape[:]...)
		require.NoError(t, err)
		tensors = append(tensors, x)
	}
	buffer, err := d.BufferType().Alloc(tensors, ggml.UsageWeights)
	require.NoError(t, err)
	defer buffer.Close()
	for i, a := range args {
		require.NoError(t, tensors[i].SetFloats(a.Floats()))
	}

	g := lib.NewGraph()
	defer g.Close()
	used := make([]ggml.Tensor, len(tensors))
	for i, x := range tensors {
		used[i] = g.Use(x)
	}
	y := build(g, used)
	g.Output(y)
	require.NoError(t, g.Err())

	var backends []*ggml.Backend
	for _, device := range []ggml.Device{d, lib.CPU()} {
		if len(backends) == 1 && device.Name == d.Name {
			break
		}
		b, err := device.NewBackend(2)
		require.NoError(t, err)
		defer b.Close()
		backends = append(backends, b)
	}
	s, err := lib.NewScheduler(g, backends...)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Compute(context.Background()))
	result = make([]float32, y.Elements())
	require.NoError(t, y.ReadFloats(result, 0))
	for _, x := range tensors {
		v := make([]float32, x.Elements())
		require.NoError(t, x.ReadFloats(v, 0))
		state = append(state, v)
	}
	return result, state
}

// Close fails the test if got and want differ by more than tolerance times the largest magnitude in want.
func Close(t testing.TB, want []float64, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	largest, worst, at := 1e-30, 0.0, 0
	for i, w := range want {
		largest = math.Max(largest, math.Abs(w))
		if diff := math.Abs(w - float64(got[i])); !(diff <= worst) {
			worst, at = diff, i
		}
	}
	require.LessOrEqual(t, worst/largest, tolerance, "element %d is %g, want %g; the largest is %g", at, got[at], want[at], largest)
}
