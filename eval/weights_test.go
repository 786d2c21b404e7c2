package eval_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

func TestWeightsAreComparedTensorByTensor(t *testing.T) {
	lib := ggmltest.Library(t)
	large := small
	large.Vocab, large.Embed, large.HeadSize = 5000, 128, 64 // a head of several pieces
	basePath, otherPath := rwkvtest.Random(t, large, "F32"), rwkvtest.Random(t, large, "Q4_0")
	base, err := gguf.Open(basePath)
	require.NoError(t, err)
	defer base.Close()
	other, err := gguf.Open(otherPath)
	require.NoError(t, err)
	defer other.Close()
	list, err := eval.CompareWeights(t.Context(), lib, base, other)
	require.NoError(t, err)
	x, y := rwkvtest.Weights(t, lib, basePath), rwkvtest.Weights(t, lib, otherPath)
	kinds := map[string]int{}
	for _, e := range list {
		before, _ := x(e.Name)
		after, _ := y(e.Name)
		a, b := before.Data, after.Data
		squares, power := 0.0, 0.0
		for i := range a {
			squares += math.Pow(float64(a[i])-float64(b[i]), 2)
			power += math.Pow(float64(a[i]), 2)
		}
		assert.InDelta(t, math.Sqrt(squares/float64(len(a))), float64(e.RMSE), 1e-9, e.Name)
		assert.InDelta(t, math.Sqrt(squares/power), float64(e.Error), 1e-9, e.Name)
		kinds[e.Kind]++
		assert.Equal(t, e.Kind == "output" || e.Kind == "token_embd", e.Layer < 0, e.Name)
	}
	assert.Equal(t, 2, kinds["time_mix_key"], "one in each layer")
	assert.Equal(t, 1, kinds["output"])
	same, err := eval.CompareWeights(t.Context(), lib, base, base)
	require.NoError(t, err)
	assert.Empty(t, same)
}
