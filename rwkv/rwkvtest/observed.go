package rwkvtest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// observed checks that an observer sees every matrix with every token. For the head it also compares the sums of squares with
// sums in float64.
func (b bench) observed(t *testing.T) {
	c := synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 61, Seed: 11}
	m := b.load(t, Random(t, b.sized(c), "F32"))
	o, err := m.NewObserver()
	require.NoError(t, err)
	b.atEnd(o.Close)
	texts := [][]int32{text(1, engine.MaxChunk+7, 61), text(2, 40, 61)}
	read := int64(0)
	for _, tokens := range texts {
		require.NoError(t, o.Read(t.Context(), Tokens(tokens)))
		read += int64(len(tokens))
	}

	sizes, seen := map[string]int{}, map[string]bool{}
	for _, spec := range b.Arch.Tensors(m.Config()) {
		switch spec.Class {
		case rwkv.Matrix, rwkv.Head, rwkv.LowRank, rwkv.Decay:
			if len(spec.Shape) == 2 && !spec.Optional {
				sizes[spec.Name] = int(spec.Shape[0])
			}
		}
	}
	for _, in := range o.Inputs() {
		assert.Len(t, in.Squares, sizes[in.Weight], in.Weight)
		assert.Equal(t, read, in.Tokens, in.Weight)
		seen[in.Weight] = true
		if in.Weight == "output.weight" {
			Near(t, [][]float64{b.hiddenSquares(t, m, texts)}, [][]float64{in.Squares}, rounding.on(b.device), "sums of squares")
		}
	}
	for name := range sizes {
		assert.True(t, seen[name], "%s was not observed", name)
	}
	b.moments(t, m, texts, o.Inputs())
}

// moments checks that an observer of moments sees the same matrices and tokens as one of squares, which are the diagonals, and that the
// moments are possible: no product of two channels is larger than the root of the product of their squares.
func (b bench) moments(t *testing.T, m *engine.Model, texts [][]int32, want []*engine.Inputs) {
	t.Helper()
	o, err := m.NewMomentsObserver(func(string) bool { return true })
	require.NoError(t, err)
	b.atEnd(o.Close)
	for _, tokens := range texts {
		require.NoError(t, o.Read(t.Context(), Tokens(tokens)))
	}
	require.Len(t, o.Inputs(), len(want))
	for i, in := range o.Inputs() {
		require.Equal(t, want[i].Weight, in.Weight)
		assert.Equal(t, want[i].Tokens, in.Tokens, in.Weight)
		var diagonal []float64
		for at, row := 0, 0; at < len(in.Moments); row++ {
			for j, x := range in.Moments[at : at+row+1] {
				most := math.Sqrt(want[i].Squares[row] * want[i].Squares[j])
				require.LessOrEqual(t, math.Abs(float64(x)), 1.01*most+1e-6, "%s, channels %d and %d", in.Weight, row, j)
			}
			at += row + 1
			diagonal = append(diagonal, float64(in.Moments[at-1]))
		}
		Near(t, [][]float64{want[i].Squares}, [][]float64{diagonal}, rounding.on(b.device), in.Weight)
	}
}

// hiddenSquares returns, for each channel of the hidden states of texts, the sum of its squares.
func (b bench) hiddenSquares(t *testing.T, m *engine.Model, texts [][]int32) []float64 {
	t.Helper()
	batch, err := m.NewSlots(1, engine.SessionOptions{})
	require.NoError(t, err)
	b.atEnd(batch.Close)
	squares := make([]float64, m.Config().Embed)
	for _, tokens := range texts {
		require.NoError(t, batch.Reset())
		for rest := Tokens(tokens); len(rest) > 0; {
			n := min(len(rest), engine.MaxChunk)
			rows, err := batch.Read(t.Context(), [][]tokenizer.Token{rest[:n]}, rwkv.AllHidden)
			require.NoError(t, err)
			for i, x := range rows {
				squares[i%len(squares)] += float64(x) * float64(x)
			}
			rest = rest[n:]
		}
	}
	return squares
}
