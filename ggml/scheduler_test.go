package ggml_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

// One backend computes without ggml's scheduler.
func TestTwoBackendsGiveWhatOneGives(t *testing.T) {
	lib := ggmltest.Library(t)
	ggmltest.NoLeaks(t)
	x := ggmltest.Random(rand.New(rand.NewPCG(5, 5)), 64, 3).Floats()
	compute := func(backends ...*ggml.Backend) []float32 {
		g := lib.NewGraph()
		defer g.Close()
		input := g.Input(gguf.F32, 64, 3)
		y := input
		for range 100 { // more than the first context of the graph has room for
			y = y.Norm(1e-5).Add(input).Tanh()
		}
		g.Output(y)
		s, err := lib.NewScheduler(g, backends...)
		require.NoError(t, err)
		defer s.Close()
		require.Equal(t, 300, g.Nodes())
		require.Positive(t, s.BufferSize())
		result := make([]float32, len(x))
		for range 2 { // again and again
			require.NoError(t, input.SetFloats(x))
			require.NoError(t, s.Compute(t.Context()))
			require.NoError(t, y.ReadFloats(result, 0))
		}
		return result
	}
	cpu := newBackend(t, lib, 2)
	one := compute(cpu)
	require.Equal(t, one, compute(newBackend(t, lib, 1), cpu))
	require.NotEqual(t, make([]float32, len(x)), one)
}

func newBackend(t *testing.T, lib *ggml.Library, threads int) *ggml.Backend {
	b, err := lib.CPU().NewBackend(threads)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}
