package ggml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

func TestOperationsOnEveryDevice(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, d := range lib.Devices() {
		t.Run(d.Name, func(t *testing.T) { ggmltest.Run(t, lib, d) })
	}
}

func TestGraphKeepsItsFirstMistake(t *testing.T) {
	ggmltest.RunLaws(t, ggmltest.Library(t))
}

func TestExactUntilAProductIsLeftToGGML(t *testing.T) {
	lib := ggmltest.Library(t)
	ctx, err := lib.NewContext(1)
	require.NoError(t, err)
	defer ctx.Close()
	w, err := ctx.New(gguf.F32, 3, 5)
	require.NoError(t, err)
	g := lib.NewGraph()
	defer g.Close()
	ours := true
	g.Own = func(o ggml.Operation) (ggml.Tensor, bool) { return o.Operands[0], ours }
	x := g.Input(gguf.F32, 3, 2)
	x.MatMul(w)
	require.True(t, g.Exact())
	ours = false
	x.MatMul(w)
	require.False(t, g.Exact())

	other := lib.NewGraph()
	defer other.Close()
	require.True(t, other.Exact())
	other.Inexact()
	require.False(t, other.Exact())
}
