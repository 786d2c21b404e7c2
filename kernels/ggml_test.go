package kernels_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/pages"
	"github.com/gosling-rwkv/gosling/kernels"
)

// graph is a graph of products of a matrix, one after another, by our kernels on ggml's threads.
type graph struct {
	x, y      ggml.Tensor
	scheduler *ggml.Scheduler
}

func newGraph(t testing.TB, lib *ggml.Library, m *kernels.Matrix, in, out, columns int64, threads, products int) graph {
	backend, err := lib.CPU().NewBackend(threads)
	require.NoError(t, err)
	g, calls := lib.NewGraph(), kernels.NewCalls(threads)
	x := g.Input(gguf.F32, in, columns)
	var y ggml.Tensor
	for range products {
		operand := x
		if n := m.ColumnBytes(); n > 0 {
			c, err := calls.Rounding(m, columns)
			require.NoError(t, err)
			operand = g.Custom(custom("round", c, x, gguf.I8, n, columns))
		}
		c, err := calls.Product(m, columns)
		require.NoError(t, err)
		y = g.Custom(custom("product", c, operand, gguf.F32, out, columns))
		g.Compute(y)
	}
	g.Output(y)
	s, err := lib.NewScheduler(g, backend)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close(); g.Close(); calls.Close(); backend.Close() })
	return graph{x, y, s}
}

// custom is the operation that a call computes.
func custom(name string, c *kernels.Call, x ggml.Tensor, typ gguf.Type, rows, columns int64) ggml.Custom {
	return ggml.Custom{
		Name: name, Operands: []ggml.Tensor{x}, Type: typ, Shape: [4]int64{rows, columns, 1, 1}, Function: kernels.Entry(), Call: c.Pointer(),
		Place: func(at ggml.Addresses) error { return c.Place(at.Result, at.Operands...) },
	}
}

func (g graph) run(t testing.TB, x []float32) []float32 {
	require.NoError(t, g.x.SetFloats(x))
	require.NoError(t, g.scheduler.Compute(context.Background()))
	y := make([]float32, g.y.Elements())
	require.NoError(t, g.y.ReadFloats(y, 0))
	return y
}

// matrix quantizes random weights and packs them. It returns the packed matrix and its weights.
func matrix(t testing.TB, lib *ggml.Library, level kernels.Level, typ gguf.Type, in, out int64) (*kernels.Matrix, []float32) {
	rng := rand.New(rand.NewPCG(uint64(in), uint64(out)))
	weights := make([]float32, in*out)
	for i := range weights {
		weights[i] = float32(rng.NormFloat64())
	}
	rowBytes, err := typ.RowBytes(in)
	require.NoError(t, err)
	rows := make([]byte, rowBytes*out)
	require.NoError(t, lib.Quantize(typ, rows, weights, in, nil))
	require.NoError(t, lib.Dequantize(typ, weights, rows))
	size, ok := kernels.Size(level, typ, in, out)
	require.True(t, ok)
	memory, err := pages.Alloc(size)
	require.NoError(t, err)
	t.Cleanup(memory.Free)
	m, err := kernels.NewMatrix(level, typ, in, out, memory.Bytes())
	require.NoError(t, err)
	require.NoError(t, m.Pack(0, rows))
	return m, weights
}

var types = []gguf.Type{gguf.Q4_K, gguf.Q5_K, gguf.Q6_K, gguf.Q8_0, gguf.Q4_0, gguf.F16, gguf.BF16, gguf.F32}

func eachLevel(t *testing.T, test func(t *testing.T, level kernels.Level)) {
	if kernels.Best() == kernels.None {
		t.Skip("this processor has no kernels")
	}
	for level := kernels.AVX2; level <= kernels.Best(); level++ {
		t.Run(level.String(), func(t *testing.T) { test(t, level) })
	}
}

// Our products are those of the weights that ggml unpacks, and ggml's products, as far as rounding of the columns to bytes allows.
func TestProductsAreThoseOfGGML(t *testing.T) {
	lib := ggmltest.Library(t)
	eachLevel(t, func(t *testing.T, level kernels.Level) {
		for _, typ := range types {
			t.Run(typ.String(), func(t *testing.T) {
				const in, out = 768, 40
				m, weights := matrix(t, lib, level, typ, in, out)
				for _, columns := range []int64{1, 3, 17} {
					x := ggmltest.Random(rand.New(rand.NewPCG(1, uint64(columns))), in, columns).Floats()
					got := newGraph(t, lib, m, in, out, columns, 2, 1).run(t, x)
					ours, err := m.Multiply(x)
					require.NoError(t, err)
					require.True(t, slices.Equal(ours, got), "on ggml's threads and on a goroutine")
					for c := range columns {
						for o := range int64(out) {
							want, size := 0.0, 0.0
							for i := range int64(in) {
								want += float64(weights[o*in+i]) * float64(x[c*in+i])
								size += math.Pow(float64(weights[o*in+i])*float64(x[c*in+i]), 2)
							}
							// A column of 256 values up to 4 is rounded to steps of 4/127.
							require.InDelta(t, want, float64(got[c*out+o]), 0.1*math.Sqrt(size)+1e-4, "row %d, column %d", o, c)
						}
					}
				}
			})
		}
	})
}

// Graphs are right whatever Go's runtime does at the same time: collections, profiling, and the signals that interrupt goroutines.
func TestGraphsUnderTheRuntime(t *testing.T) {
	lib := ggmltest.Library(t)
	duration := 2 * time.Second
	if testing.Short() {
		duration = 300 * time.Millisecond
	}
	eachLevel(t, func(t *testing.T, level kernels.Level) {
		const in, out, columns = 1024, 512, 5
		m, _ := matrix(t, lib, level, gguf.Q4_K, in, out)
		g := newGraph(t, lib, m, in, out, columns, 2, 20)
		x := ggmltest.Random(rand.New(rand.NewPCG(1, 1)), in, columns).Floats()
		want := g.run(t, x)
		require.NoError(t, pprof.StartCPUProfile(io.Discard))
		defer pprof.StopCPUProfile()
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = fmt.Sprint(make([]byte, 1<<16)[:8])
					runtime.GC() // interrupts every goroutine
				}
			}
		}()
		go interrupt(stop)
		for begin := time.Now(); time.Since(begin) < duration; {
			require.True(t, slices.Equal(want, g.run(t, x)))
		}
	})
}

// A computation that was stopped leaves the counters as they were.
func TestStoppedGraphsGoOn(t *testing.T) {
	lib := ggmltest.Library(t)
	eachLevel(t, func(t *testing.T, level kernels.Level) {
		const in, out, columns = 1024, 1024, 16
		m, _ := matrix(t, lib, level, gguf.Q8_0, in, out)
		g := newGraph(t, lib, m, in, out, columns, 2, 50)
		x := ggmltest.Random(rand.New(rand.NewPCG(1, 1)), in, columns).Floats()
		want := g.run(t, x)
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_ = g.scheduler.Compute(ctx)
			cancel()
			require.True(t, slices.Equal(want, g.run(t, x)))
		}
	})
}
