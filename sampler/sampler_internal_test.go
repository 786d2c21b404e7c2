package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// reference is the sampling of RWKV's pipeline, written as its equations: the probability of every row.
func reference(logits []float32, o Options) []float64 {
	largest := math.Inf(-1)
	for _, l := range logits {
		largest = max(largest, float64(l))
	}
	p, total := make([]float64, len(logits)), 0.0
	for i, l := range logits {
		p[i] = math.Exp(float64(l) - largest)
		total += p[i]
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return p[order[a]] > p[order[b]] })
	if o.TopP < 1 {
		sum, cutoff := 0.0, 0.0
		for _, i := range order {
			if sum += p[i]; sum >= o.TopP*total {
				cutoff = p[i]
				break
			}
		}
		for i := range p {
			if p[i] < cutoff {
				p[i] = 0
			}
		}
	}
	if o.TopK > 0 && o.TopK < len(p) {
		for _, i := range order[o.TopK:] {
			p[i] = 0
		}
	}
	total = 0
	for i := range p {
		p[i] = math.Pow(p[i], 1/o.Temperature)
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

// probabilities is what a Sampler gives every row.
func probabilities(s *Sampler, logits []float32) []float64 {
	best, err := s.prepare(logits)
	if err != nil {
		panic(err)
	}
	p := make([]float64, len(logits))
	rows, total, _ := s.distribution(s.logits[best], false)
	for _, row := range rows {
		p[row] += s.weights[row]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

func TestDistributionIsTheReferences(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing at once")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	shapes := map[string]func(i int) float32{
		"normal logits":              func(int) float32 { return float32(rng.NormFloat64() * 3) },
		"nearly equal logits":        func(int) float32 { return 5 + float32(rng.NormFloat64())*1e-5 },
		"logits full of ties":        func(int) float32 { return float32(rng.IntN(7)) },
		"ties close together":        func(int) float32 { return 2 + float32(rng.IntN(5))*1e-4 },
		"equal logits":               func(int) float32 { return -3 },
		"one logit far above":        func(i int) float32 { return float32(rng.NormFloat64()) + 100*float32(max(0, 1-i)) },
		"some logits far below":      func(int) float32 { return float32(rng.NormFloat64()) - 1e30*float32(rng.IntN(2)) },
		"the largest floats":         func(int) float32 { return math.MaxFloat32 * float32(rng.IntN(3)-1) },
		"logits over a wide range":   func(int) float32 { return float32(rng.NormFloat64() * 100) },
		"a slope, likeliest at last": func(i int) float32 { return float32(i) / 64 },
	}
	for name, logit := range shapes {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 47, 257, 3000} {
				logits := make([]float32, n)
				for i := range logits {
					logits[i] = logit(i)
				}
				compareWithReference(t, logits)
			}
		})
	}
}

func compareWithReference(t *testing.T, logits []float32) {
	for _, topP := range []float64{0, 1e-9, 0.3, 0.5, 0.85, 0.999, 1} {
		for _, topK := range []int{0, 1, 3, 64, 1000, 5000} {
			for _, temperature := range []float64{1, 0.05, 0.6, 1.7} {
				o := Options{TopP: topP, TopK: topK, Temperature: temperature}
				s, err := New(o)
				require.NoError(t, err)
				got, want := probabilities(s, logits), reference(logits, o)
				for i := range want {
					if math.Abs(got[i]-want[i]) > 1e-11+1e-9*want[i] || (got[i] > 0) != (want[i] > 0) && want[i] > 1e-290 {
						require.Fail(t, "another distribution", "%d rows, top-p %v, top-k %d, temperature %v, row %d: %v, want %v",
							len(logits), topP, topK, temperature, i, got[i], want[i])
					}
				}
			}
		}
	}
}

func TestPenaltiesAreTheReferences(t *testing.T) {
	o := Options{Temperature: 0.9, TopP: 0.7, PresencePenalty: 0.4, FrequencyPenalty: 0.3, PenaltyDecay: 0.9, Banned: []tokenizer.Token{5, 1 << 20}, Limit: 60, Seed: 5}
	o.Weight = func(t tokenizer.Token) float64 { return float64(t % 3) }
	s, err := New(o)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(5, 6))
	logits, counts := make([]float32, 64), map[tokenizer.Token]float64{}
	for range 300 {
		for i := range logits {
			logits[i] = float32(rng.NormFloat64())
		}
		penalised := append([]float32(nil), logits[:60]...)
		for token, count := range counts {
			penalised[token] = float32(float64(logits[token]) - (o.PresencePenalty + count*o.FrequencyPenalty))
		}
		penalised[5] = float32(math.Inf(-1))
		want := append(reference(penalised, o), 0, 0, 0, 0)
		assert.InDeltaSlice(t, want, probabilities(s, logits), 1e-6)

		token, err := s.Sample(logits)
		require.NoError(t, err)
		require.Positive(t, want[token], "token %d cannot be drawn", token)
		for seen := range counts {
			counts[seen] *= o.PenaltyDecay
		}
		counts[token] += o.Weight(token)
	}
}

func TestExpIsWithinItsBound(t *testing.T) {
	assert.Equal(t, 1.0, exp(0))
	assert.Zero(t, exp(-701))
	assert.Zero(t, exp(math.Inf(-1)))
	worst := 0.0
	for x := 0.0; x > -700; x -= 0.00317 {
		worst = max(worst, math.Abs(exp(x)/math.Exp(x)-1))
	}
	assert.Less(t, worst, 3e-13)
}

func TestDrawFollowsTheWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing at once")
	}
	s, err := New(Options{Temperature: 1, TopP: 1, Seed: 1})
	require.NoError(t, err)
	logits := []float32{0, float32(math.Log(2)), float32(math.Log(5)), -1000}
	counts := make([]int, 4)
	const draws = 80000
	for range draws {
		token, err := s.Sample(logits)
		require.NoError(t, err)
		counts[token]++
	}
	for i, share := range []float64{1, 2, 5, 0} {
		assert.InDelta(t, draws*share/8, counts[i], 5*math.Sqrt(draws/4), "row %d", i)
	}
}

// TestEstimatesNeverChangeTheToken compares the rows and the drawn row of estimated weights with those of exact weights.
func TestEstimatesNeverChangeTheToken(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	estimated, trials := 0, 0
	for _, n := range []int{1, 2, 50, 200, 2000} {
		for _, spread := range []float64{1e-4, 0.01, 0.5, 3, 10, 100} {
			logits := make([]float32, n)
			for i := range logits {
				logits[i] = float32(rng.NormFloat64() * spread)
			}
			for trial := range 200 {
				o := Options{Temperature: []float64{1, 0.7}[trial%2], TopP: rng.Float64(), TopK: []int{0, 0, 0, n / 3}[trial%4], Seed: rng.Uint64()}
				switch trial % 3 {
				case 0:
					o.TopP = shareOfTheFirst(logits, 1+rng.IntN(n)) // the cut is exactly at the edge of a row
				case 1:
					o.TopP = 1
				}
				s, err := New(o)
				require.NoError(t, err)
				best, err := s.prepare(logits)
				require.NoError(t, err)
				exact, total, _ := s.distribution(logits[best], false)
				exact = slices.Clone(exact)
				u := rng.Float64()
				if trial%5 == 0 {
					u = shareOfTheRows(s, exact, rng.IntN(len(exact))) // exactly at the edge of a row
				}
				want, _ := s.draw(exact, u*total, 0)
				trials++
				if rows, _, proven := s.distribution(logits[best], true); proven {
					require.Equal(t, exact, rows, "%d rows, spread %v, top-p %v, top-k %d", n, spread, o.TopP, o.TopK)
				}
				if row, proven := s.choose(logits[best], u, true); proven {
					estimated++
					require.Equal(t, want, row, "%d rows, spread %v, top-p %v, top-k %d, u %v", n, spread, o.TopP, o.TopK, u)
				}
			}
		}
	}
	assert.Greater(t, estimated, trials/2, "few estimates prove the token")
}

func TestExactWeightsDecideWhatEstimatesCannot(t *testing.T) {
	undecided := 0
	for seed := range uint64(200) {
		s, err := New(Options{Temperature: 1, TopP: 1, Seed: seed})
		require.NoError(t, err)
		u := rand.New(rand.NewPCG(seed, 0)).Float64() // what s will draw
		logits := []float32{float32(math.Log(u / (1 - u))), 0}
		got, err := s.Sample(logits)
		require.NoError(t, err)
		largest := max(logits[0], logits[1])
		if _, proven := s.choose(largest, u, true); !proven {
			undecided++
		}
		want, _ := s.choose(largest, u, false)
		require.EqualValues(t, want, got, "seed %d", seed)
	}
	assert.Greater(t, undecided, 100)
}

// shareOfTheRows is the share that the weights of the first n rows have of those of all rows.
func shareOfTheRows(s *Sampler, rows []int32, n int) float64 {
	var sum, total float64
	for i, row := range rows {
		if i < n {
			sum += s.weights[row]
		}
		total += s.weights[row]
	}
	return sum / total
}

// mass is the sum of e^(logit - largest).
func mass(logits []float32) (sum float64) {
	largest := float64(slices.Max(logits))
	for _, l := range logits {
		sum += math.Exp(float64(l) - largest)
	}
	return sum
}

// shareOfTheFirst is the probability of the n likeliest rows.
func shareOfTheFirst(logits []float32, n int) float64 {
	sorted := slices.Sorted(slices.Values(logits))
	slices.Reverse(sorted)
	return min(1, mass(sorted[:n])/mass(sorted))
}

func TestAnEstimateIsWithinItsBound(t *testing.T) {
	for name, logit := range map[string]func(i int) float32{
		"in the middle of steps": func(i int) float32 { return -(float32(i%1000) + 0.5) / (1 << 25) },
		"at their ends":          func(i int) float32 { return -float32(i%1000) / (1 << 25) },
		"a wide range":           func(i int) float32 { return -float32(i%3001) / 100 },
		"far below":              func(int) float32 { return -31.95 },
		"below everything":       func(int) float32 { return -math.MaxFloat32 },
		"banned":                 func(int) float32 { return banned },
	} {
		t.Run(name, func(t *testing.T) {
			// The error of a weight matters with few rows, the error of the rows with many.
			for _, n := range []int{1000, 1 << 22} {
				s, err := New(Options{})
				require.NoError(t, err)
				s.logits = make([]float32, n)
				for i := 1; i < n; i++ {
					s.logits[i] = logit(i)
				}
				total := s.weigh(0, true)
				got := s.buckets
				want := s.weigh(0, false)
				bound := slack(n, total, true)
				assert.InDelta(t, want, total, bound)
				for i, want := range s.buckets {
					assert.Equal(t, want.count, got[i].count, "bucket %d", i)
					assert.InDelta(t, want.mass, got[i].mass, bound, "bucket %d", i)
				}
			}
		})
	}
}

func BenchmarkSample(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	logits := make([]float32, 65536)
	for name, spread := range map[string]float64{"peaked": 8, "sigma 4": 4, "sigma 2": 2, "sigma 1": 1, "equal": 1e-3} {
		for i := range logits {
			logits[i] = float32(rng.NormFloat64() * spread)
		}
		for option, o := range map[string]Options{
			"greedy":      {Limit: 65530},
			"free text":   {Temperature: 1, TopP: 0.85, PresencePenalty: 0.2, FrequencyPenalty: 0.2, PenaltyDecay: 0.996},
			"chat":        {Temperature: 1, TopP: 0.3, PresencePenalty: 0.5, FrequencyPenalty: 0.5, PenaltyDecay: 0.996},
			"chat, Qwen":  {Temperature: 0.7, TopP: 0.8, TopK: 20, PenaltyDecay: 1},
			"top-k 40":    {Temperature: 0.8, TopP: 1, TopK: 40},
			"temperature": {Temperature: 0.8, TopP: 1},
		} {
			b.Run(fmt.Sprintf("%s/%s", name, option), func(b *testing.B) {
				s, err := New(o)
				require.NoError(b, err)
				for b.Loop() {
					_, err := s.Sample(logits)
					require.NoError(b, err)
				}
			})
		}
	}
}
