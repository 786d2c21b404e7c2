package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// embed collects the embeddings of texts.
func embed(t *testing.T, m *engine.Model, pooling engine.Pooling, texts ...[]int32) [][]float32 {
	t.Helper()
	var tokens [][]tokenizer.Token
	for _, text := range texts {
		tokens = append(tokens, rwkvtest.Tokens(text))
	}
	var all [][]float32
	require.NoError(t, m.Embed(t.Context(), tokens, pooling, engine.SessionOptions{}, func(i int, e []float32) error {
		require.Len(t, all, i, "in order")
		all = append(all, slices.Clone(e))
		return nil
	}))
	return all
}

// manyTexts are more than fit side by side, some of the same length, one of several chunks.
func manyTexts() [][]int32 {
	var texts [][]int32
	for i, n := range []int{3, 1, 30, 1, 7, 1100, 2, 512, 300, 300, 7, 7, 1, 1, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 3} {
		texts = append(texts, text(i, n))
	}
	return texts
}

func TestTheHeadMakesLogitsOfEmbeddings(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, version := range []string{"4", "5.2", "6", "7"} {
		t.Run(version, func(t *testing.T) {
			c := synth.Config{Version: version, Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 51, Seed: 3}
			path := rwkvtest.Random(t, c, "F32")
			f, err := gguf.Open(path)
			require.NoError(t, err)
			defer f.Close()
			info, ok := f.Tensor("output.weight")
			require.True(t, ok)
			head := make([]float32, info.Elements())
			float.DecodeF32(head, f.Data(info))

			m := rwkvtest.Load(t, lib, path, engine.Options{Device: "cpu", Threads: 1})
			s := rwkvtest.NewSession(t, m)
			for i, e := range embed(t, m, engine.LastToken, manyTexts()...) {
				logits := make([]float32, c.Vocab)
				for row := range logits {
					sum := 0.0
					for j, x := range e {
						sum += float64(x) * float64(head[row*c.Embed+j])
					}
					logits[row] = float32(sum)
				}
				require.NoError(t, s.Reset())
				want, err := s.Prefill(t.Context(), rwkvtest.Tokens(manyTexts()[i]))
				require.NoError(t, err)
				rwkvtest.Near(t, [][]float32{want}, [][]float32{logits}, 3e-5, fmt.Sprint("text ", i))
			}
		})
	}
}

func TestTheMeanEmbeddingIsThatOverAllBeginnings(t *testing.T) {
	m := model(t)
	texts := [][]int32{text(1, 9), text(2, 1), text(3, 5)}
	for i, got := range embed(t, m, engine.Mean, texts...) {
		var beginnings [][]int32
		for n := range texts[i] {
			beginnings = append(beginnings, texts[i][:n+1])
		}
		want := make([]float32, len(got))
		for _, e := range embed(t, m, engine.LastToken, beginnings...) {
			for c, x := range e {
				want[c] += x / float32(len(beginnings))
			}
		}
		rwkvtest.Near(t, [][]float32{want}, [][]float32{got}, 1e-5, fmt.Sprint("text ", i))
	}
	long := embed(t, m, engine.Mean, text(5, 1100))[0]
	require.Len(t, long, small.Embed)
}

func TestTextsThatCannotBeEmbedded(t *testing.T) {
	m := model(t)
	each := func(int, []float32) error { return nil }
	err := m.Embed(t.Context(), [][]tokenizer.Token{{1}, {}}, engine.LastToken, engine.SessionOptions{}, each)
	require.ErrorContains(t, err, "text 1: no tokens to read")
	err = m.Embed(t.Context(), [][]tokenizer.Token{{51}}, engine.LastToken, engine.SessionOptions{}, each)
	require.ErrorContains(t, err, "text 0: token 51 at position 0")
	require.NoError(t, m.Embed(t.Context(), nil, engine.Mean, engine.SessionOptions{}, each))
}
