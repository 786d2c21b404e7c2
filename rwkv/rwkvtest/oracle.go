package rwkvtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// exact is the largest allowed difference between the float64 reference and the official float32 numbers.
const exact = 2e-5

// oracle compares the version's float64 reference with the official logits and states, and with itself when reading in pieces. It
// needs no ggml.
func (s Suite) oracle(t *testing.T) {
	for _, name := range s.Golden {
		t.Run(name, func(t *testing.T) {
			g := golden.Load(t, name)
			for _, checkpoint := range g.Models {
				t.Run(checkpoint, func(t *testing.T) { s.oracleIsOfficial(t, g, golden.Path(t, checkpoint)) })
			}
		})
	}
	t.Run("in pieces", s.oracleInPieces)
	t.Run("refuses", s.oracleRefuses)
}

// plainModel returns the reference for a GGUF file in F32.
func (s Suite) plainModel(t *testing.T, path string) (rwkv.Reference, rwkv.Config) {
	t.Helper()
	file, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	c := describe(t, file, s.Arch.Name)
	forward, err := s.Arch.Reference(c, func(name string) (rwkv.RefTensor, bool) {
		tensor, ok := file.Tensor(name)
		if !ok {
			return rwkv.RefTensor{}, false
		}
		x := make([]float32, tensor.Elements())
		float.DecodeF32(x, file.Data(tensor))
		return rwkv.RefTensor{Data: x}, true
	})
	require.NoError(t, err)
	return forward, c
}

func (s Suite) oracleIsOfficial(t *testing.T, g *golden.File, checkpoint string) {
	forward, c := s.plainModel(t, ConvertAs(t, checkpoint, "F32", convert.Options{GroupNormEps: g.GroupNormEps}))
	require.Equal(t, g.Layers, c.Layers)
	for name, prompt := range g.Prompts {
		got, state, err := forward(nil, prompt.Tokens)
		require.NoError(t, err)
		want := g.Logits(t, name)
		Near(t, want, got, exact, name)
		sameChoice(t, want, got, 0)
		if name != "long" || !hasStates(g) {
			continue
		}
		for i, spec := range s.Arch.State(c) {
			Near(t, [][]float32{s.officialState(t, g, spec)}, state[i:i+1], exact, fmt.Sprintf("layer %d: %s", spec.Layer, spec.Name))
		}
	}
}

// officialState returns a state of the golden file in the version's own form.
func (s Suite) officialState(t *testing.T, g *golden.File, spec rwkv.StateSpec) []float32 {
	t.Helper()
	read := func(what string) []float32 { return g.State(t, spec.Layer, what) }
	switch spec.Name {
	case "att_shift":
		return read("att_x_prev")
	case "ffn_shift":
		return read("ffn_x_prev")
	}
	require.Contains(t, s.States, spec.Name)
	return s.States[spec.Name](read)
}

func (s Suite) oracleInPieces(t *testing.T) {
	tokens := []int32{0, 5, 5, 5, 30, 2, 17, 1, 8, 31, 0, 4}
	for _, head := range []int{8, 32, 96} {
		t.Run(fmt.Sprintf("heads of %d", head), func(t *testing.T) {
			c := s.Random
			c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 3, 96, 128, head, 32
			forward, _ := s.plainModel(t, Random(t, c, "F32"))
			want, whole, err := forward(nil, tokens)
			require.NoError(t, err)
			assert.NotEqual(t, want[1], want[2], "the state matters")
			var got, state [][]float64
			for _, piece := range [][]int32{tokens[:1], tokens[1:6], tokens[6:]} {
				var logits [][]float64
				logits, state, err = forward(state, piece)
				require.NoError(t, err)
				got = append(got, logits...)
			}
			assert.Equal(t, want, got)
			assert.Equal(t, whole, state)
		})
	}
}

func (s Suite) oracleRefuses(t *testing.T) {
	c := s.Random
	c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 1, 32, 64, 16, 20
	forward, config := s.plainModel(t, Random(t, c, "F32"))
	for _, token := range []int32{-1, 20} {
		_, _, err := forward(nil, []int32{3, token})
		require.ErrorContains(t, err, fmt.Sprintf("token %d at 1: the model has 20", token))
	}
	_, _, err := forward([][]float64{{1}}, []int32{3})
	require.ErrorContains(t, err, "a state of 1 tensors")
	_, err = s.Arch.Reference(config, func(string) (rwkv.RefTensor, bool) { return rwkv.RefTensor{}, false })
	require.ErrorContains(t, err, `tensor "token_embd.weight" is missing`)
	_, err = s.Arch.Reference(config, func(string) (rwkv.RefTensor, bool) { return rwkv.RefTensor{Data: make([]float32, 7)}, true })
	require.ErrorContains(t, err, `tensor "token_embd.weight" has 7 elements, want 640`)
}
