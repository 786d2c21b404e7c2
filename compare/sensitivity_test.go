package compare

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/quant"
)

// sensitivity returns options that round the base to few types.
func (p place) sensitivity() SensitivityOptions {
	return SensitivityOptions{Setup: p.setup(), Types: []gguf.Type{gguf.Q8_0, gguf.Q4_0}, LayerType: gguf.Q4_0}
}

func TestEveryKindAndEveryLayerIsRoundedAlone(t *testing.T) {
	p := newPlace(t)
	ggmltest.NoLeaks(t)
	o := p.sensitivity()
	o.Contexts = []int{16, 32}
	var events log
	o.Progress = events.add
	r, err := Sensitivity(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Remove())
	assert.Equal(t, []any{"base.gguf", "rwkv7", 2, []string{"book.txt"}, []int{16, 32}, 94}, []any{r.Model, r.Arch, r.Layers, r.Texts, r.Context, r.Scored})
	tensors := map[string]int{}
	for _, part := range r.Parts {
		tensors[part.Name()] = part.Tensors
		assert.Positive(t, part.Saved, part.Name())
		assert.GreaterOrEqual(t, float64(part.KLD), -1e-6, part.Name()) // the base's logarithms are rounded to 16 bits
	}
	assert.Equal(t, 2, tensors["time_mix_key Q4_0"])
	assert.Equal(t, 1, tensors["output Q4_0"])
	assert.Equal(t, 6, tensors["layer 1 Q4_0"])
	assert.Contains(t, tensors, "low_rank Q8_0")
	require.Len(t, events.measured, len(r.Parts))
	assert.Regexp(t, `^1 of \d+: token_embd Q8_0, KLD 0\.\d{6}, .* saved, .* left$`, events.measured[0])
	assert.Zero(t, events.open)
}

func TestASensitivityThatWasStoppedGoesOn(t *testing.T) {
	p := newPlace(t)
	o := p.sensitivity()
	whole, err := Sensitivity(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, whole.Remove())
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(e Event) {
		if strings.HasPrefix(e.Measured, "3 of ") {
			cancel()
		}
	}
	_, err = Sensitivity(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	var stopped *StoppedError
	require.ErrorAs(t, err, &stopped)
	var events log
	o.Resume, o.Progress = true, events.add
	again, err := Sensitivity(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, again.Remove())
	assert.Equal(t, whole.Sensitivity, again.Sensitivity)
	assert.Len(t, events.steps, 2*(len(whole.Parts)-3), "measured parts are not made and read again")
}

func TestAModelThatIsQuantizedAlreadyIsRefused(t *testing.T) {
	p := newPlace(t)
	o := p.sensitivity()
	o.Base = p.quantized("q8.gguf", "q8_0")
	o.Types, o.LayerType = []gguf.Type{gguf.Q4_0}, gguf.Q4_0
	_, err := Sensitivity(t.Context(), o)
	var quantized *quant.QuantizedError
	require.ErrorAs(t, err, &quantized)
	assert.Equal(t, gguf.Q8_0, quantized.Type)
	o.Requantize = true
	r, err := Sensitivity(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Remove())
}

func TestAPartHasTheMeanOfAllColumns(t *testing.T) {
	p := withDivergence(quant.Part{Kind: "output"}, []eval.Divergence{
		{KLD: Estimate{Value: 1, Error: 3}, SameTop: Estimate{Value: 0.5}}, {KLD: Estimate{Value: 2, Error: 4}, SameTop: Estimate{Value: 1}},
	})
	assert.InDelta(t, 1.5, float64(p.KLD), 1e-12)
	assert.InDelta(t, 2.5, float64(p.Error), 1e-12, "the root of the sum of the squares, by the number of columns")
	assert.InDelta(t, 0.75, float64(p.SameTop), 1e-12)
}

func TestTypesOfWeights(t *testing.T) {
	typ, err := WeightType("q4_k")
	require.NoError(t, err)
	assert.Equal(t, gguf.Q4_K, typ)
	_, err = WeightType("Q9")
	require.Error(t, err)
	_, err = WeightType("F64")
	require.EqualError(t, err, "weights cannot be stored as F64")
	_, err = Sensitivity(t.Context(), SensitivityOptions{Setup: Setup{Texts: []Text{{Path: "a.txt"}}}, LayerType: gguf.F64})
	require.EqualError(t, err, "weights cannot be stored as F64")
}
