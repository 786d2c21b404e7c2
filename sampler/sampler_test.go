package sampler_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func newSampler(t testing.TB, o sampler.Options) *sampler.Sampler {
	t.Helper()
	s, err := sampler.New(o)
	require.NoError(t, err)
	return s
}

func TestGreedyTakesTheFirstOfTheLargest(t *testing.T) {
	for name, tc := range map[string]struct {
		logits []float32
		want   tokenizer.Token
	}{
		"the only one":            {[]float32{-3}, 0},
		"the last":                {[]float32{1, 2, 3, 4, 5}, 4},
		"in the middle of a four": {[]float32{1, 2, 9, 4, 5}, 2},
		"the first of equals":     {[]float32{1, 5, 2, 5, 3, 5}, 1},
		"of negative ones":        {[]float32{-5, -2, -3, -9, -2}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newSampler(t, sampler.Options{}).Sample(tc.logits)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestSampleRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, tc := range map[string]struct {
		o      sampler.Options
		logits []float32
		reason string
	}{
		"no logits":                  {sampler.Options{}, nil, "no logits"},
		"NaN":                        {sampler.Options{}, []float32{1, 2, 3, 4, 5, nan}, "logit 5 of 6 is NaN: the model's weights are damaged"},
		"NaN in a four":              {freeText, []float32{1, 2, nan, 4, 5}, "logit 2 of 5 is NaN"},
		"infinity":                   {sampler.Options{}, []float32{inf, 1}, "logit 0 of 2 is +Inf"},
		"minus infinity":             {sampler.Options{}, []float32{1, 2, 3, -inf}, "logit 3 of 4 is -Inf"},
		"NaN in a banned row":        {sampler.Options{Limit: 1}, []float32{1, nan}, "logit 1 of 2 is NaN"},
		"nothing that is not banned": {sampler.Options{Limit: 2, Banned: []tokenizer.Token{0, 1}}, []float32{1, 2, 3}, "all 2 tokens are banned"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newSampler(t, tc.o).Sample(tc.logits)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, tc := range map[string]struct {
		o      sampler.Options
		reason string
	}{
		"a negative temperature":    {sampler.Options{Temperature: -1}, "temperature -1 is not between 0"},
		"a temperature of NaN":      {sampler.Options{Temperature: nan}, "temperature NaN"},
		"an infinite temperature":   {sampler.Options{Temperature: inf}, "temperature +Inf"},
		"a top-p above 1":           {sampler.Options{TopP: 1.01}, "top-p 1.01 is not between 0 and 1"},
		"a negative top-p":          {sampler.Options{TopP: -0.1}, "top-p -0.1"},
		"a top-p of NaN":            {sampler.Options{TopP: nan}, "top-p NaN"},
		"a negative top-k":          {sampler.Options{TopK: -1}, "top-k -1 is negative"},
		"a presence penalty of NaN": {sampler.Options{PresencePenalty: nan}, "presence penalty NaN"},
		"an infinite penalty":       {sampler.Options{FrequencyPenalty: -inf}, "frequency penalty -Inf"},
		"a decay that grows":        {sampler.Options{PenaltyDecay: 1.1}, "penalty decay 1.1"},
		"a negative limit":          {sampler.Options{Limit: -1}, "limit -1"},
		"a banned token below zero": {sampler.Options{Banned: []tokenizer.Token{3, -1}}, "banned token -1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sampler.New(tc.o)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

// freeText are the usual settings for a text that goes on.
var freeText = sampler.Options{Temperature: 1, TopP: 0.85, PresencePenalty: 0.2, FrequencyPenalty: 0.2, PenaltyDecay: 0.996}

// sequence draws from logits that change a little with each token.
func sequence(t *testing.T, s *sampler.Sampler, n int) []tokenizer.Token {
	t.Helper()
	logits, out := make([]float32, 300), []tokenizer.Token(nil)
	for i := range n {
		for j := range logits {
			logits[j] = float32(math.Sin(float64(i + j*j)))
		}
		before := slices.Clone(logits)
		token, err := s.Sample(logits)
		require.NoError(t, err)
		require.Equal(t, before, logits, "the caller's logits are left alone")
		out = append(out, token)
	}
	return out
}

func TestTheSeedDecides(t *testing.T) {
	o := freeText
	first := sequence(t, newSampler(t, o), 50)
	assert.Equal(t, first, sequence(t, newSampler(t, o), 50))
	o.Seed = 1
	assert.NotEqual(t, first, sequence(t, newSampler(t, o), 50))
}

func TestResetForgetsThePenalties(t *testing.T) {
	s := newSampler(t, sampler.Options{PresencePenalty: 1, PenaltyDecay: 1})
	logits := []float32{0, 0.5, 0.9}
	for _, want := range []tokenizer.Token{2, 1, 0, 2, 2} {
		got, err := s.Sample(logits)
		require.NoError(t, err)
		assert.Equal(t, want, got, "presence does not add up")
	}
	s.Reset()
	assert.Equal(t, []tokenizer.Token{2, 1}, []tokenizer.Token{sample(t, s, logits), sample(t, s, logits)})
}

func sample(t *testing.T, s *sampler.Sampler, logits []float32) tokenizer.Token {
	t.Helper()
	got, err := s.Sample(logits)
	require.NoError(t, err)
	return got
}

func TestFrequencyAddsUpAndFades(t *testing.T) {
	s := newSampler(t, sampler.Options{FrequencyPenalty: 1, PenaltyDecay: 0.5})
	logits := []float32{0, 1.6}
	// The count of token 1 is 1, 1.5, 1.75 (now 0 wins), then fades to 0.875 and is left at 1.4375 by the next.
	for i, want := range []tokenizer.Token{1, 1, 1, 0, 1} {
		assert.Equal(t, want, sample(t, s, logits), "step %d", i)
	}
}

func TestSpareNumbersDoesNotCountDigitsAndBlanks(t *testing.T) {
	world := tokenizer.World()
	weight := sampler.SpareNumbers(world)
	for text, want := range map[string]float64{" ": 0, "\t": 0, "7": 0, "12": 0, "a": 1, "21": 1, "  ": 1, "\n": 1, " World": 1} {
		ids, err := world.Encode([]byte(text))
		require.NoError(t, err)
		require.Len(t, ids, 1, "%q", text)
		assert.Equal(t, want, weight(ids[0]), "%q", text)
	}
	assert.Zero(t, weight(tokenizer.EndOfText))
	assert.Equal(t, 1.0, weight(65535), "what is no token")
}

func TestPresenceCountsEvenWithoutWeight(t *testing.T) {
	s := newSampler(t, sampler.Options{PresencePenalty: 1, PenaltyDecay: 1, Weight: func(tokenizer.Token) float64 { return 0 }})
	logits := []float32{0, 0.5}
	assert.Equal(t, []tokenizer.Token{1, 0}, []tokenizer.Token{sample(t, s, logits), sample(t, s, logits)})
}

func TestPaddingRowsAreNeverDrawn(t *testing.T) {
	s := newSampler(t, sampler.Options{Temperature: 5, TopP: 1, Limit: 3, Banned: []tokenizer.Token{1}})
	for range 200 {
		assert.Contains(t, []tokenizer.Token{0, 2}, sample(t, s, []float32{0, 50, 0, 90, 100}))
	}
}

func FuzzSample(f *testing.F) {
	f.Add([]byte("\x00\x00\x80\x3f\x00\x00\x80\x3f"), 0.85, 1.0, 0)
	f.Add([]byte(strings.Repeat("\xff\xff\x7f\xff\x00\x00\x00\x00", 60)), 0.5, 0.1, 7)
	f.Fuzz(func(t *testing.T, data []byte, topP, temperature float64, topK int) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		s, err := sampler.New(sampler.Options{TopP: topP, TopK: topK, Temperature: temperature, Banned: []tokenizer.Token{2}})
		if err != nil {
			return
		}
		logits := make([]float32, len(data)/4)
		for i := range logits {
			b := data[4*i:]
			logits[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
		}
		token, err := s.Sample(logits)
		if err == nil {
			require.Less(t, int(token), len(logits))
			require.NotEqual(t, tokenizer.Token(2), token)
		}
	})
}

func Example() {
	chooser, err := sampler.New(sampler.Options{Temperature: 1, TopP: 0.5, Seed: 42})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(chooser.Sample([]float32{0.1, 7, 0.3}))
	// Output: 1 <nil>
}

func TestBiasSeesHowManyTokensWereChosen(t *testing.T) {
	var seen []int
	s, err := sampler.New(sampler.Options{Bias: func(n int, logits []float32) {
		seen = append(seen, n)
		logits[n] += 10
	}})
	require.NoError(t, err)
	logits := make([]float32, 4)
	for want := range 3 {
		token, err := s.Sample(logits)
		require.NoError(t, err)
		assert.EqualValues(t, want, token)
	}
	s.Reset()
	_, err = s.Sample(logits)
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 2, 0}, seen)
	assert.Equal(t, make([]float32, 4), logits, "the caller's logits stay as they are")
}

func TestABiasMayOnlyBanOrMove(t *testing.T) {
	for value, fails := range map[float64]bool{math.Inf(-1): false, -math.MaxFloat32: false, math.MaxFloat32: false, math.Inf(1): true, math.NaN(): true} {
		for _, topP := range []float64{0.5, 1} {
			s := newSampler(t, sampler.Options{Temperature: 1, TopP: topP, Bias: func(_ int, logits []float32) { logits[0] = float32(value) }})
			token, err := s.Sample(make([]float32, 100))
			if fails {
				require.ErrorContains(t, err, "the bias made logit 0 of 100")
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, value > 0, token == 0, "%v, top-p %v", value, topP)
		}
	}
}

func TestMinPDropsUnlikelyTokens(t *testing.T) {
	logits := []float32{0, -1, -2, -9}
	for _, tc := range []struct {
		minP float64
		want []tokenizer.Token
	}{{0, []tokenizer.Token{0, 1, 2, 3}}, {0.3, []tokenizer.Token{0, 1}}, {math.Exp(-2.001), []tokenizer.Token{0, 1, 2}}, {1, []tokenizer.Token{0}}} {
		for _, topK := range []int{0, 3} { // with and without truncation
			s := newSampler(t, sampler.Options{Temperature: 8, TopP: 1, TopK: topK, MinP: tc.minP, Seed: 1})
			seen := map[tokenizer.Token]bool{}
			for range 400 {
				token, err := s.Sample(logits)
				require.NoError(t, err)
				seen[token] = true
			}
			for token := range tokenizer.Token(4) {
				want := slices.Contains(tc.want, token) && (topK == 0 || int(token) < topK)
				assert.Equal(t, want, seen[token], "token %d at min-p %v, top-k %d", token, tc.minP, topK)
			}
		}
	}
}

func TestBiases(t *testing.T) {
	sample := func(o sampler.Options) tokenizer.Token {
		token, err := newSampler(t, o).Sample([]float32{1, 2, 3})
		require.NoError(t, err)
		return token
	}
	assert.EqualValues(t, 0, sample(sampler.Options{Logits: map[tokenizer.Token]float64{0: 2.5}}))
	assert.EqualValues(t, 1, sample(sampler.Options{Logits: map[tokenizer.Token]float64{2: math.Inf(-1)}}))
	assert.EqualValues(t, 2, sample(sampler.Options{Logits: map[tokenizer.Token]float64{7: 100}}), "a token that the model does not have")
	for _, o := range []sampler.Options{
		{Logits: map[tokenizer.Token]float64{-1: 1}}, {Logits: map[tokenizer.Token]float64{0: math.Inf(1)}}, {Logits: map[tokenizer.Token]float64{0: math.NaN()}},
		{Logits: map[tokenizer.Token]float64{0: -1e7}}, {MinP: -0.1}, {MinP: math.NaN()},
	} {
		_, err := sampler.New(o)
		assert.Error(t, err, "%+v", o)
	}
}

func TestParseBias(t *testing.T) {
	v := tokenizer.World()
	goose, err := v.Encode([]byte("goose"))
	require.NoError(t, err)
	for text, want := range map[string]float64{"15+1": 1, "15-0.5": -0.5, "15=2": 2, "15=-inf": math.Inf(-1), "15-inf": math.Inf(-1), "==3": 3} {
		token, bias, err := sampler.ParseBias(v, text)
		require.NoError(t, err, text)
		assert.Equal(t, want, bias, text)
		if text[0] != '=' {
			assert.EqualValues(t, 15, token)
		}
	}
	for _, text := range []string{"", "15", "15=", "15=x", "15=nan", "15=inf", "=1", "-1=1", "999999999=1"} {
		_, _, err := sampler.ParseBias(v, text)
		assert.Error(t, err, text)
	}
	if len(goose) == 1 {
		token, err := sampler.ParseToken(v, "goose")
		require.NoError(t, err)
		assert.Equal(t, goose[0], token)
	}
	_, err = sampler.ParseToken(v, "a whole sentence")
	require.ErrorContains(t, err, "consists of")
	_, err = sampler.ParseToken(nil, "goose")
	require.ErrorContains(t, err, "by its id")
}
