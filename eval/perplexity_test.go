package eval_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// small is a byte model that is fast everywhere.
var small = synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 257, Seed: 3}

// model loads the small model, quantized to a mix.
func model(t testing.TB, mix string) *engine.Model {
	t.Helper()
	lib := ggmltest.Library(t)
	return rwkvtest.Load(t, lib, rwkvtest.Random(t, small, mix), engine.Options{Device: "cpu", Threads: 1})
}

// text returns some bytes of a book, the same each time.
func text(t testing.TB, length int) eval.Text {
	t.Helper()
	data := make([]byte, length)
	for i := range data {
		data[i] = "the goose said to the gander "[(i*i/7+i)%29]
	}
	x, err := eval.NewText(tokenizer.Bytes(), data, -1)
	require.NoError(t, err)
	return x
}

// rows returns the logits after each token of a window. It reads the window in another way, in pieces of another length.
func rows(t testing.TB, m *engine.Model, tokens []tokenizer.Token) [][]float32 {
	t.Helper()
	ids := make([]int32, len(tokens))
	for i, token := range tokens {
		ids[i] = int32(token)
	}
	return rwkvtest.Logits(t, rwkvtest.NewSession(t, m), ids, 50)
}

// logProb returns the logarithm of a token's probability in the most direct way.
func logProb(logits []float32, token tokenizer.Token) float64 {
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x))
	}
	return math.Log(math.Exp(float64(logits[token])) / sum)
}

func TestPerplexityIsWhatTheLogitsSay(t *testing.T) {
	m := model(t, "F32")
	x := text(t, 1000)
	for name, tc := range map[string]struct {
		bos    tokenizer.Token
		starts []int
		length int
		first  int
	}{
		"chunks":                            {-1, []int{0, 300, 600}, 300, 150},
		"chunks that begin with token 0":    {0, []int{0, 300, 600}, 300, 150},
		"the whole text in one pass":        {-1, []int{0}, 1000, 0},
		"the first chunks, of a odd length": {-1, []int{0, 301}, 301, 150},
	} {
		t.Run(name, func(t *testing.T) {
			windows, err := x.Chunks(tc.length, len(tc.starts), tc.bos)
			if tc.length == len(x.Tokens) {
				windows, err = x.Stream()
			}
			require.NoError(t, err)
			var values []float64
			for _, at := range tc.starts {
				tokens := append([]tokenizer.Token(nil), x.Tokens[at:at+tc.length]...)
				if tc.bos >= 0 {
					tokens[0] = tc.bos
				}
				for i, row := range rows(t, m, tokens)[tc.first : tc.length-1] {
					values = append(values, -logProb(row, tokens[tc.first+i+1]))
				}
			}
			mean, variance := 0.0, 0.0
			for _, v := range values {
				mean += v / float64(len(values))
			}
			for _, v := range values {
				variance += (v - mean) * (v - mean) / float64(len(values))
			}
			calls := 0
			p, err := eval.MeasurePerplexity(t.Context(), m, windows, func(eval.Perplexity) { calls++ })
			require.NoError(t, err)
			assert.Equal(t, len(values), p.Scored)
			assert.Equal(t, len(tc.starts), p.Windows)
			assert.Equal(t, len(tc.starts)*(tc.length-1), p.Read)
			assert.InEpsilon(t, math.Exp(mean), p.PPL.Value, 1e-5)
			assert.InEpsilon(t, math.Exp(mean)*math.Sqrt(variance/float64(len(values)-1)), p.PPL.Error, 1e-3)
			assert.InEpsilon(t, mean/math.Ln2, float64(p.BitsPerByte), 1e-5, "a token is a byte")
			assert.Positive(t, calls)
		})
	}
}

func TestTextsThatAreTooShort(t *testing.T) {
	x := text(t, 99)
	_, err := x.Chunks(50, 0, -1)
	var short *eval.ShortError
	require.ErrorAs(t, err, &short)
	assert.EqualError(t, short, "the text has 99 tokens, at least 100 are needed")
	_, err = x.Chunks(3, 0, -1)
	require.ErrorContains(t, err, "a context of 3 tokens")
	_, err = text(t, 1).Stream()
	require.ErrorContains(t, err, "1 tokens, at least 2 are needed")
	_, err = eval.Text{}.Stream()
	require.Error(t, err)
}

func TestLogitsThatAreNotFiniteAreAnError(t *testing.T) {
	path := rwkvtest.Random(t, small, "F32")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := len(data) - 400; i < len(data); i += 4 { // within the last tensor
		copy(data[i:], []byte{0, 0, 0xc0, 0x7f})
	}
	broken := filepath.Join(t.TempDir(), "broken.gguf")
	require.NoError(t, os.WriteFile(broken, data, 0o600))
	m := rwkvtest.Load(t, ggmltest.Library(t), broken, engine.Options{Device: "cpu", Threads: 1})
	windows, err := text(t, 200).Chunks(100, 0, -1)
	require.NoError(t, err)
	_, err = eval.MeasurePerplexity(t.Context(), m, windows, nil)
	require.ErrorContains(t, err, "window 1, position 5")
	require.ErrorContains(t, err, "is NaN")
}

func TestAByteCountIsThatOfTheScoredTokens(t *testing.T) {
	x, err := eval.NewText(tokenizer.World(), []byte("The goose said to the gander: let us fly away."), -1)
	require.NoError(t, err)
	windows, err := x.Stream()
	require.NoError(t, err)
	assert.EqualValues(t, 46-int64(x.Bytes[0]), windows[0].Bytes)
	with, err := eval.NewText(tokenizer.World(), []byte("The goose"), 0)
	require.NoError(t, err)
	assert.Equal(t, tokenizer.Token(0), with.Tokens[0])
	windows, err = with.Stream()
	require.NoError(t, err)
	assert.EqualValues(t, 9, windows[0].Bytes)
}
