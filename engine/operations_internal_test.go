package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// If a kernel other than a product is wrong, ggml computes all but the products, and a warning says so.
func TestAWrongFunctionIsNotUsed(t *testing.T) {
	if kernels.Best() == kernels.None {
		t.Skip("this processor has no kernels")
	}
	lib := ggmltest.Library(t)
	logits := func() ([]float32, bool, string) {
		var log bytes.Buffer
		m, err := Load(lib, "../demo/demo.gguf", Options{Device: "CPU", Threads: 2, Log: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		defer m.Close()
		s, err := m.NewSession(SessionOptions{})
		require.NoError(t, err)
		defer s.Close()
		x, err := s.Prefill(t.Context(), []tokenizer.Token{11, 12, 13, 14})
		require.NoError(t, err)
		return slices.Clone(x), m.shared.slots.plans[0].program != nil, log.String()
	}
	want, program, log := logits()
	require.True(t, program, "all operations have kernels")
	require.NotContains(t, log, "WARN")
	defer func(f func() error) { checkFunctions = f }(checkFunctions)
	checkFunctions = func() error { return errors.New("kernels: tanh: result 3 is 5, want 4") }
	got, program, log := logits()
	require.False(t, program)
	require.Contains(t, log, "kernels: tanh: result 3 is 5, want 4")
	require.InDeltaSlice(t, want, got, 1e-3)
}

// What is copied for views of x, [4, 3, 2], and which operands are repeated as a whole.
func TestMovesAndRepeats(t *testing.T) {
	lib := ggmltest.Library(t)
	g := lib.NewGraph()
	defer g.Close()
	x := g.Input(gguf.F32, 4, 3, 2)
	copied := func(to [4]int64) (rowBytes int64, rows int, ok bool) {
		rowBytes, moves, ok := movesOf(x, dense(to))
		return rowBytes, len(moves), ok
	}
	rowBytes, rows, ok := copied([4]int64{6, 4, 1, 1})
	require.Equal(t, []any{int64(96), 1, true}, []any{rowBytes, rows, ok}, "without gaps on both sides")
	x = g.Input(gguf.F32, 4, 3, 2).Slice(1, 1, 2)
	rowBytes, rows, ok = copied([4]int64{4, 2, 2, 1})
	require.Equal(t, []any{int64(32), 2, true}, []any{rowBytes, rows, ok}, "rows that follow one another are one")
	x = g.Input(gguf.F32, 4, 3, 2).Permute(0, 2, 1, 3)
	_, moves, ok := movesOf(x, dense([4]int64{4, 2, 3, 1}))
	require.True(t, ok)
	require.Len(t, moves, 6)
	require.EqualValues(t, 48, moves[1].From)
	require.EqualValues(t, 16, moves[1].To)
	x = g.Input(gguf.F32, 4, 1, 2)
	_, moves, ok = movesOf(x, dense([4]int64{4, 3, 2, 1}))
	require.True(t, ok, "repeated")
	require.Len(t, moves, 6)
	require.Equal(t, moves[0].From, moves[2].From)
	require.EqualValues(t, 16, moves[3].From)
	x = g.Input(gguf.F32, 4, 3).Permute(1, 0, 2, 3)
	_, _, ok = copied([4]int64{3, 4, 1, 1})
	require.False(t, ok, "rows with gaps")
	x = g.Input(gguf.F32, 4, 3)
	_, _, ok = copied([4]int64{4, 5, 1, 1})
	require.False(t, ok)
	x = g.Input(gguf.F32, 1, mostMoves+1, 2).Slice(2, 0, 1).Permute(1, 0, 2, 3).Permute(1, 0, 2, 3)
	_, _, ok = copied([4]int64{2, mostMoves + 1, 1, 1})
	require.False(t, ok)

	a := g.Input(gguf.F32, 4, 3, 2)
	for _, of := range []struct {
		shape []int64
		want  int64
	}{{[]int64{4, 3, 2}, 24}, {[]int64{4, 3}, 12}, {[]int64{4}, 4}, {[]int64{1}, 1}} {
		period, ok := repeated(g.Input(gguf.F32, of.shape...), a)
		require.True(t, ok)
		require.Equal(t, of.want, period)
	}
	for _, shape := range [][]int64{{1, 3, 2}, {4, 1, 2}} {
		_, ok := repeated(g.Input(gguf.F32, shape...), a)
		require.False(t, ok)
	}
	_, ok = repeated(g.Input(gguf.F32, 4), a.Slice(1, 0, 2))
	require.False(t, ok)
}
