package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// likeliestOf is the definition of Probabilities: p has the probabilities of all rows, the first n of which are tokens.
func likeliestOf(p []float64, n int, token tokenizer.Token, top int) Probabilities {
	want := Probabilities{Log: math.Log(p[token])}
	for row, x := range p[:n] {
		if x > 0 {
			want.Top = append(want.Top, Likely{tokenizer.Token(row), math.Log(x)})
		}
	}
	sort.SliceStable(want.Top, func(a, b int) bool { return want.Top[a].Log > want.Top[b].Log })
	want.Top = want.Top[:min(top, len(want.Top))]
	return want
}

func requireSame(t *testing.T, want, got Probabilities, about string) {
	t.Helper()
	require.InDelta(t, want.Log, got.Log, 1e-9, about)
	require.Len(t, got.Top, len(want.Top), about)
	for i, w := range want.Top {
		require.Equal(t, w.Token, got.Top[i].Token, about)
		require.InDelta(t, w.Log, got.Top[i].Log, 1e-9, about)
	}
}

// logitsOf returns logits of several kinds: far from each other, near each other, and with many equal ones.
func logitsOf(rng *rand.Rand, n int) []float32 {
	logits, kind := make([]float32, n), rng.IntN(3)
	for i := range logits {
		switch kind {
		case 0:
			logits[i] = float32(rng.NormFloat64() * 4)
		case 1:
			logits[i] = 100 + float32(rng.NormFloat64()/100)
		case 2:
			logits[i] = float32(rng.IntN(5))
		}
	}
	return logits
}

func TestProbabilitiesAreTheReferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		n := 1 + rng.IntN(300)
		o := Options{Temperature: []float64{0, 0.3, 1, 4}[rng.IntN(4)], TopP: []float64{1, 0.8, 0.3}[rng.IntN(3)], Seed: rng.Uint64()}
		if n > 10 {
			o.Limit = n - rng.IntN(4)
		}
		if rng.IntN(2) == 0 {
			o.TopK = 1 + rng.IntN(2*n)
		}
		if rng.IntN(4) == 0 {
			o.PresencePenalty, o.PenaltyDecay, o.Logits = 3, 1, map[tokenizer.Token]float64{0: 2}
			o.Banned = []tokenizer.Token{1, 2}[:max(0, min(2, n-2))]
		}
		s, err := New(o)
		require.NoError(t, err)
		tokens := min(n, max(o.Limit, n*(1-min(1, o.Limit))))
		for step := range 4 {
			logits, top := logitsOf(rng, n), []int{0, 1, 5, n, 1000}[rng.IntN(5)]
			about := fmt.Sprintf("%d rows, %+v, step %d, top %d", n, o, step, top)
			token, err := s.Sample(logits)
			require.NoError(t, err)
			model := reference(logits, Options{TopP: 1, Temperature: 1})
			requireSame(t, likeliestOf(model, tokens, token, top), s.Probabilities(logits, token, top), about)
			if other := tokenizer.Token(rng.IntN(n)); model[other] > 0 { // such as the next token of a prompt
				require.InDelta(t, math.Log(model[other]), s.Probabilities(logits, other, 0).Log, 1e-9, about)
			}
			if o.Temperature == 0 {
				requireSame(t, Probabilities{Top: []Likely{{Token: token}}[:min(1, top)]}, s.Sampled(top), about)
				continue
			}
			requireSame(t, likeliestOf(reference(s.logits, o), tokens, token, top), s.Sampled(top), about)
		}
	}
}

func TestProbabilitiesFarFromEachOther(t *testing.T) {
	s, err := New(Options{Temperature: 0.001, TopP: 1, Logits: map[tokenizer.Token]float64{2: math.Inf(-1)}})
	require.NoError(t, err)
	token, err := s.Sample([]float32{5, 10, 20, -1e30})
	require.NoError(t, err)
	assert.EqualValues(t, 1, token)
	assert.Equal(t, Probabilities{0, []Likely{{1, 0}, {0, -5000}}}, s.Sampled(2))
	assert.Equal(t, Probabilities{-0x1p101, []Likely{{2, 0}}}, s.Probabilities([]float32{-0x1p100, 0, 0x1p100}, 0, 1))
}

func TestSampledBeforeTheFirstToken(t *testing.T) {
	s, err := New(Options{Temperature: 1})
	require.NoError(t, err)
	assert.Zero(t, s.Sampled(3))
}

func BenchmarkProbabilities(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	logits := make([]float32, 65536)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64() * 4)
	}
	s, err := New(Options{Temperature: 1, TopP: 0.5, Limit: 65530})
	require.NoError(b, err)
	_, err = s.Sample(logits)
	require.NoError(b, err)
	for _, top := range []int{0, 5, 20, 1000} {
		b.Run(fmt.Sprintf("model/%d", top), func(b *testing.B) {
			for b.Loop() {
				s.Probabilities(logits, 7, top)
			}
		})
	}
	b.Run("sampled/20", func(b *testing.B) {
		for b.Loop() {
			s.Sampled(20)
		}
	})
}
