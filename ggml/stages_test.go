package ggml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

// An operation that changes a state runs after those before it that read the state, also if they read it as an operand. The last operation
// needs only the first stage, but must not come before the one that reads what it changes.
func TestStagesKeepStatesInOrder(t *testing.T) {
	lib := ggmltest.Library(t)
	ctx, err := lib.NewContext(1)
	require.NoError(t, err)
	defer ctx.Close()
	state, err := ctx.New(gguf.F32, 8)
	require.NoError(t, err)
	buffer, err := lib.CPU().BufferType().Alloc([]ggml.Tensor{state}, ggml.UsageState)
	require.NoError(t, err)
	defer buffer.Close()

	g := lib.NewGraph()
	defer g.Close()
	x := g.Input(gguf.F32, 8)
	add := func(name string, states []ggml.Tensor, operands ...ggml.Tensor) ggml.Tensor {
		y := g.Custom(ggml.Custom{
			Name: name, Operands: operands, States: states, Type: gguf.F32, Shape: [4]int64{8, 1, 1, 1}, Function: 1,
			Place: func(ggml.Addresses) error { return nil },
		})
		g.Output(y)
		return y
	}
	first := add("first", nil, x)
	add("reads the state", nil, first, g.Use(state))
	add("reads it too", nil, x, g.Use(state).Slice(0, 2, 4))
	add("changes it", []ggml.Tensor{state}, x)
	require.NoError(t, g.Err())
	p, err := lib.Place(g)
	require.NoError(t, err)
	require.NotNil(t, p)
	defer p.Close()
	var names []string
	for _, c := range p.Customs() {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"first", "reads it too", "reads the state", "changes it"}, names)
}
