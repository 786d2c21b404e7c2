package rounding_test

import (
	"bytes"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rounding"
)

// inputs returns the second moments of inputs that depend on each other, as of a text of some tokens.
func inputs(rng *rand.Rand, n, tokens int) []float32 {
	mix := make([]float64, n*8)
	for i := range mix {
		mix[i] = rng.NormFloat64()
	}
	moments := make([]float32, rounding.Triangle(int64(n)))
	x := make([]float64, n)
	for range tokens {
		var causes [8]float64
		for i := range causes {
			causes[i] = rng.NormFloat64()
		}
		for i := range x {
			x[i] = 0.3 * rng.NormFloat64()
			for k, c := range causes {
				x[i] += c * mix[i*8+k]
			}
		}
		at := 0
		for i := range n {
			for j := range i + 1 {
				moments[at] += float32(x[i] * x[j])
				at++
			}
		}
	}
	return moments
}

func diagonal(moments []float32, n int) []float32 {
	d := make([]float32, n)
	for i := range d {
		d[i] = moments[rounding.Triangle(int64(i)+1)-1]
	}
	return d
}

// cost is the squared error of the results of a row with the given errors.
func cost(e []float64, moments []float32) float64 {
	sum, at := 0.0, 0
	for i := range e {
		for j := range i {
			sum += 2 * e[i] * e[j] * float64(moments[at])
			at++
		}
		sum += e[i] * e[i] * float64(moments[at])
		at++
	}
	return sum
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// costs quantizes rows by do and returns the cost of each.
func costs(t *testing.T, q rounding.Quantizer, typ gguf.Type, src []float32, n int, moments []float32, do func(dst []byte) error) []float64 {
	t.Helper()
	size, err := typ.RowBytes(int64(len(src)))
	require.NoError(t, err)
	dst, back := make([]byte, size), make([]float32, len(src))
	require.NoError(t, do(dst))
	require.NoError(t, q.Dequantize(typ, back, dst))
	var all []float64
	for from := 0; from < len(src); from += n {
		e := make([]float64, n)
		for j := range e {
			e[j] = float64(src[from+j]) - float64(back[from+j])
		}
		all = append(all, cost(e, moments))
	}
	return all
}

func TestEveryCodeIsStoredWhereGgmlReadsIt(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(1, 1))
	require.Len(t, rounding.Types(), 12)
	for _, typ := range rounding.Types() {
		n := typ.BlockSize()
		block, got := make([]byte, typ.BlockBytes()), make([]float32, n)
		require.NoError(t, lib.Quantize(typ, block, normal(rng, int(n)), n, nil))
		want := rounding.Recode(typ, block, rng.IntN)
		require.NoError(t, lib.Dequantize(typ, got, block))
		assert.Equal(t, want, got, typ.String())
	}
}

func TestTheFactorIsThatOfTheDampedMoments(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{1, 63, 64, 200, 321, 600} {
		for _, tokens := range []int{2, 500} { // the moments of 2 tokens cannot be factored without damping
			moments := inputs(rng, n, tokens)
			mean, most := 0.0, 0.0
			for _, x := range diagonal(moments, n) {
				mean += float64(x) / float64(n)
				most = max(most, float64(x))
			}
			damping := float32(0.01 * mean)
			signs := make([]float64, n) // an error of any element changes a product with them
			for i := range signs {
				signs[i] = float64(2*rng.IntN(2) - 1)
			}
			want := make([]float64, n)
			at := 0
			for i := range n {
				for j := range i {
					want[i] += float64(moments[at]) * signs[j]
					want[j] += float64(moments[at]) * signs[i]
					at++
				}
				want[i] += float64(moments[at]+damping) * signs[i]
				at++
			}
			for level := kernels.None; level <= kernels.Best(); level++ {
				product, err := rounding.Decompose(t.Context(), moments, n, damping, level)
				require.NoError(t, err)
				assert.InDeltaSlice(t, want, product(signs), 1e-5*most, "%s, %d inputs, %d tokens", level, n, tokens)
			}
		}
	}
}

func TestMomentsAreSumsOfProducts(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, n := range []int{1, 63, 300} {
		for _, vectors := range []int{0, 1, 50} {
			x := normal(rng, n*vectors)
			want := normal(rng, int(rounding.Triangle(int64(n))))
			before := slices.Clone(want)
			for v := range vectors {
				at := 0
				for i := range n {
					for j := range i + 1 {
						want[at] += x[v*n+i] * x[v*n+j]
						at++
					}
				}
			}
			for level := kernels.None; level <= kernels.Best(); level++ {
				got := slices.Clone(before)
				require.NoError(t, rounding.AddMomentsWith(t.Context(), got, x, n, 2, level))
				assert.InDeltaSlice(t, want, got, 1e-4, "%s, %d vectors of %d", level, vectors, n) // 50 products of about 1 to 10, each within 2^-24
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, rounding.AddMoments(ctx, []float32{0}, []float32{1}, 1, 2), context.Canceled)
}

// sizes are the bytes of 256 weights of each type.
var sizes = map[gguf.Type]int{
	gguf.Q4_0: 144, gguf.Q4_1: 160, gguf.Q5_0: 176, gguf.Q5_1: 192, gguf.Q8_0: 272, gguf.Q2_K: 84, gguf.Q3_K: 110, gguf.Q4_K: 144,
	gguf.Q5_K: 176, gguf.Q6_K: 210, gguf.IQ4_NL: 144, gguf.IQ4_XS: 136,
}

func TestResultsOfRoundedRowsAreNeverWorse(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(3, 3))
	const n, rows = 512, 6
	require.ElementsMatch(t, slices.Collect(maps.Keys(sizes)), rounding.Types())
	apart := make([]float32, rounding.Triangle(n)) // inputs that do not depend on each other
	for i := range int64(n) {
		apart[rounding.Triangle(i+1)-1] = float32(rng.ExpFloat64())
	}
	src := normal(rng, n*rows)
	for name, tc := range map[string]struct {
		moments []float32
		most    float64 // what is left of the squared error
	}{
		"inputs that depend on each other": {inputs(rng, n, 700), 0.5},
		"inputs that do not":               {apart, 1},
	} {
		importance := diagonal(tc.moments, n)
		for level := kernels.None; level <= kernels.Best(); level++ {
			f, err := rounding.NewFactorWith(t.Context(), tc.moments, n, 2, level)
			require.NoError(t, err)
			for typ, size := range sizes {
				before := costs(t, lib, typ, src, n, tc.moments, func(dst []byte) error { return lib.Quantize(typ, dst, src, n, importance) })
				after := costs(t, lib, typ, src, n, tc.moments, func(dst []byte) error {
					assert.Len(t, dst, size*n*rows/256, typ)
					return f.Round(t.Context(), lib, typ, dst, src, importance)
				})
				for row := range before {
					assert.LessOrEqual(t, after[row], tc.most*before[row]*(1+1e-6), "%s, %s, %s, row %d", name, level, typ, row)
				}
			}
		}
	}
}

// Only the first inputs depend on each other, so all of their codes can be tried.
func TestFewWeightsAreRoundedAsTheBestOfAllRoundings(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(4, 4))
	const n, few, tries = 32, 4, 40
	typ := gguf.Q4_0
	best, ggml, sum := 0.0, 0.0, 0.0
	for range tries {
		moments := inputs(rng, n, 100)
		for i := range n {
			for j := range i {
				if i >= few {
					moments[rounding.Triangle(int64(i))+int64(j)] = 0
				}
			}
		}
		f, err := rounding.NewFactor(t.Context(), moments, n, 2)
		require.NoError(t, err)
		src, importance := normal(rng, n), diagonal(moments, n)
		block := make([]byte, typ.BlockBytes())
		require.NoError(t, f.Round(t.Context(), lib, typ, block, src, importance))
		values := make([][]float32, 16) // of each code, with the scale that was chosen
		for code := range values {
			values[code] = rounding.Recode(typ, bytes.Clone(block), func(int) int { return code })
		}
		e, least := make([]float64, few), math.Inf(1)
		for codes := range 1 << (4 * few) {
			for i := range e {
				e[i] = float64(src[i]) - float64(values[codes>>(4*i)&15][i])
			}
			least = min(least, cost(e, moments))
		}
		ofFew := func(do func(dst []byte) error) float64 {
			dst, back := make([]byte, typ.BlockBytes()), make([]float32, n)
			require.NoError(t, do(dst))
			require.NoError(t, lib.Dequantize(typ, back, dst))
			for i := range e {
				e[i] = float64(src[i]) - float64(back[i])
			}
			return cost(e, moments)
		}
		best += least
		ggml += ofFew(func(dst []byte) error { return lib.Quantize(typ, dst, src, n, importance) })
		sum += ofFew(func(dst []byte) error { return f.Round(t.Context(), lib, typ, dst, src, importance) })
	}
	t.Logf("best %.4g, rounded %.4g, ggml %.4g", best, sum, ggml)
	assert.LessOrEqual(t, best, sum*(1+1e-6))
	assert.Less(t, sum, best+0.1*(ggml-best))
}

func TestARowOfWhichTheTextSaysNothingStaysAsGgmlRoundsIt(t *testing.T) {
	lib := ggmltest.Library(t)
	const n = 256
	src, importance := normal(rand.New(rand.NewPCG(5, 5)), n), make([]float32, n)
	for i := range importance {
		importance[i] = 1
	}
	f, err := rounding.NewFactor(t.Context(), make([]float32, rounding.Triangle(n)), n, 2)
	require.NoError(t, err)
	want, got := make([]byte, gguf.Q4_K.BlockBytes()), make([]byte, gguf.Q4_K.BlockBytes())
	require.NoError(t, lib.Quantize(gguf.Q4_K, want, src, n, importance))
	require.NoError(t, f.Round(t.Context(), lib, gguf.Q4_K, got, src, importance))
	moments := make([]float32, rounding.Triangle(n))
	for i := range int64(n) {
		moments[rounding.Triangle(i+1)-1] = 1
	}
	before := costs(t, lib, gguf.Q4_K, src, n, moments, func(dst []byte) error { copy(dst, want); return nil })
	after := costs(t, lib, gguf.Q4_K, src, n, moments, func(dst []byte) error { copy(dst, got); return nil })
	assert.LessOrEqual(t, after[0], before[0])
}

func TestDamagedMomentsAndWrongSizesAreErrors(t *testing.T) {
	lib := ggmltest.Library(t)
	_, err := rounding.NewFactor(t.Context(), make([]float32, 5), 3, 2)
	require.ErrorContains(t, err, "5 moments, want the 6 of a triangle of 3 rows")
	for name, x := range map[string]float32{"negative": -1, "not a number": float32(math.NaN()), "infinite": float32(math.Inf(1))} {
		_, err = rounding.NewFactor(t.Context(), []float32{1, 0, x}, 2, 2)
		require.ErrorContains(t, err, "the second moment of input 1 is", name)
	}
	_, err = rounding.NewFactor(t.Context(), []float32{1, 9, 1}, 2, 2)
	require.ErrorContains(t, err, "cannot be factored")
	f, err := rounding.NewFactor(t.Context(), inputs(rand.New(rand.NewPCG(6, 6)), 32, 9), 32, 2)
	require.NoError(t, err)
	require.ErrorContains(t, f.Round(t.Context(), lib, gguf.F16, nil, nil, nil), "no grid")
	require.ErrorContains(t, f.Round(t.Context(), lib, gguf.Q4_0, nil, make([]float32, 33), nil), "those of 32 inputs")
}

func TestFactoringStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := rounding.NewFactor(ctx, inputs(rand.New(rand.NewPCG(7, 7)), 200, 9), 200, 2)
	require.ErrorIs(t, err, context.Canceled)
}

// countdown ends when it was looked at some times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestRoundingStopsWhereverTheContextEnds(t *testing.T) {
	lib := ggmltest.Library(t)
	rng := rand.New(rand.NewPCG(8, 8))
	const n, blocks = 512, 4
	moments := inputs(rng, n, 9)
	f, err := rounding.NewFactor(t.Context(), moments, n, 2)
	require.NoError(t, err)
	src, importance, dst := normal(rng, n), diagonal(moments, n), make([]byte, 2*gguf.Q4_K.BlockBytes())
	looked := 0
	for ; ; looked++ {
		err := f.Round(&countdown{t.Context(), looked}, lib, gguf.Q4_K, dst, src, importance)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Equal(t, 1+(1+1+2+1)*blocks, looked, "at the rows that ggml rounds, and at each block of: rounding, slopes, two sweeps, costs")
}
