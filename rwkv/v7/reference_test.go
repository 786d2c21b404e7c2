package v7_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gosling/checkpoint/formats"
	"gosling/internal/golden"
	"gosling/internal/synth"
	"gosling/rwkv"
	"gosling/rwkv/v7"
)

// reference makes the reference of a checkpoint.
func reference(t *testing.T, path string) (*v7.Reference, rwkv.Config) {
	t.Helper()
	file, err := formats.Open(path)
	require.NoError(t, err)
	defer file.Close()
	shapes := func(name string) ([]int64, bool) {
		tensor, ok := file.Tensor(name)
		return tensor.Shape, ok
	}
	require.True(t, v7.Detect(shapes))
	config, err := v7.ConfigFromShapes(shapes)
	require.NoError(t, err)
	weights := map[string][]float32{}
	for _, spec := range v7.Tensors(config) {
		if spec.Optional {
			continue
		}
		var src [][]float32
		for _, name := range spec.From {
			tensor, ok := file.Tensor(name)
			require.True(t, ok, name)
			x := make([]float32, tensor.Elements())
			require.NoError(t, tensor.ReadFloats(x, 0))
			src = append(src, x)
		}
		dst := src[0]
		if spec.Make != nil {
			dst = make([]float32, spec.Elements())
			spec.Make(dst, src)
		}
		weights[spec.Name] = dst
	}
	m, err := v7.NewReference(config, func(name string) ([]float32, bool) {
		x, ok := weights[name]
		return x, ok
	})
	require.NoError(t, err)
	return m, config
}

func random(t *testing.T, c synth.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, c))
	require.NoError(t, f.Close())
	return path
}

// difference is the largest difference over the largest magnitude, and the index of the largest number of each.
func difference(want []float32, got []float64) (rel float64, largest [2]int) {
	diff, scale := 0.0, 0.0
	for i := range want {
		diff = max(diff, math.Abs(float64(want[i])-got[i]))
		scale = max(scale, math.Abs(float64(want[i])))
		if want[i] > want[largest[0]] {
			largest[0] = i
		}
		if got[i] > got[largest[1]] {
			largest[1] = i
		}
	}
	return diff / scale, largest
}

func TestReferenceGivesTheOfficialLogitsAndStates(t *testing.T) {
	for _, tc := range []struct{ golden, model string }{
		{"tiny-rwkv-7v0-834K", "tiny-rwkv-7v0-834K.pth"},
		{"tiny-rwkv-7v0-834K", "tiny-rwkv-7v0-834K-bf16.pth"},
		{"synth-rwkv-7-L4-C256-bf16", "synth-rwkv-7-L4-C256-bf16.pth"},
		{"micro-rwkv-7-L2-C64-strided-shared-bf16", "micro-rwkv-7-L2-C64-strided-shared-bf16.pth"},
	} {
		t.Run(tc.model, func(t *testing.T) {
			g := golden.Load(t, tc.golden)
			require.Contains(t, g.Models, tc.model)
			m, config := reference(t, golden.Path(t, tc.model))
			require.Equal(t, g.Layers, config.Layers)
			for name, prompt := range g.Prompts {
				state := m.NewState()
				logits, err := m.Forward(state, prompt.Tokens)
				require.NoError(t, err)
				want := g.Logits(t, name)
				require.Len(t, logits, len(want))
				for i := range want {
					rel, largest := difference(want[i], logits[i])
					assert.LessOrEqual(t, rel, 2e-5, "%s, token %d", name, i)
					assert.Equal(t, largest[0], largest[1], "%s, token %d: the likeliest token", name, i)
				}
				if name != "long" {
					continue
				}
				for i, layer := range state {
					for what, got := range map[string][]float64{"att_x_prev": layer.AttShift, "att_kv": layer.WKV, "ffn_x_prev": layer.FFNShift} {
						want := g.State(t, i, what)
						require.Len(t, got, len(want))
						rel, _ := difference(want, got)
						assert.LessOrEqual(t, rel, 2e-5, "layer %d: %s", i, what)
					}
				}
			}
		})
	}
}

func TestReferenceReadsATextInAnyPieces(t *testing.T) {
	tokens := []int32{0, 5, 5, 5, 30, 2, 17, 1, 8, 31, 0, 4}
	for _, head := range []int{1, 8, 32, 96} {
		t.Run(fmt.Sprintf("heads of %d", head), func(t *testing.T) {
			m, config := reference(t, random(t, synth.Config{Layers: 3, Embed: 96, FFN: 128, HeadSize: head, Vocab: 32}))
			require.Equal(t, 96/head, config.Heads())
			whole := m.NewState()
			want, err := m.Forward(whole, tokens)
			require.NoError(t, err)
			assert.NotEqual(t, want[1], want[2], "the state matters")
			pieces := m.NewState()
			var got [][]float64
			for _, piece := range [][]int32{tokens[:1], tokens[1:6], tokens[6:]} {
				logits, err := m.Forward(pieces, piece)
				require.NoError(t, err)
				got = append(got, logits...)
			}
			assert.Equal(t, want, got)
			assert.Equal(t, whole, pieces)
		})
	}
}

func TestReferenceOfOneLayer(t *testing.T) {
	m, config := reference(t, random(t, synth.Config{Layers: 1, Embed: 32, FFN: 64, HeadSize: 16, Vocab: 20}))
	assert.Equal(t, config.RateRank, config.ValueRank)
	logits, err := m.Forward(m.NewState(), []int32{1, 2, 3})
	require.NoError(t, err)
	require.Len(t, logits, 3)
}

func TestReferenceRefuses(t *testing.T) {
	m, config := reference(t, random(t, synth.Config{Layers: 1, Embed: 32, FFN: 64, HeadSize: 16, Vocab: 20}))
	for _, token := range []int32{-1, 20} {
		_, err := m.Forward(m.NewState(), []int32{3, token})
		require.ErrorContains(t, err, fmt.Sprintf("token %d at 1: the model has 20", token))
	}
	_, err := v7.NewReference(config, func(string) ([]float32, bool) { return nil, false })
	require.ErrorContains(t, err, `tensor "token_embd.weight" is missing`)
	_, err = v7.NewReference(config, func(string) ([]float32, bool) { return make([]float32, 7), true })
	require.ErrorContains(t, err, `tensor "token_embd.weight" has 7 elements, want 640`)
}
