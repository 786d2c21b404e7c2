package eval_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// pair returns a model and its quantization.
func pair(t *testing.T) (base, candidate *engine.Model) {
	t.Helper()
	return model(t, "F32"), model(t, "Q4_0")
}

func origin(m *engine.Model) eval.Origin { return eval.Origin{ID: m.Identity(), Name: "base.gguf"} }

// writeBase writes a file of base logits.
func writeBase(t *testing.T, m *engine.Model, windows []eval.Window) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "base")
	b, err := eval.CreateBase(path, windows, m.Vocab(), origin(m), false)
	require.NoError(t, err)
	require.NoError(t, b.Write(t.Context(), m, windows))
	require.NoError(t, b.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, eval.BaseSize(windows, m.Vocab()), info.Size())
	return path
}

func comparePositions(t *testing.T, path string, m *engine.Model, windows []eval.Window) []eval.Position {
	t.Helper()
	b, err := eval.OpenBase(path, windows, m.Vocab())
	require.NoError(t, err)
	defer b.Close()
	var all []eval.Position
	require.NoError(t, b.Compare(t.Context(), m, windows, 0, func(p []eval.Position) error {
		all = append(all, p...)
		return nil
	}))
	return all
}

func TestDivergenceIsWhatTheLogitsSay(t *testing.T) {
	base, candidate := pair(t)
	windows, err := text(t, 800).Chunks(400, 0, -1)
	require.NoError(t, err)
	positions := comparePositions(t, writeBase(t, base, windows), candidate, windows)
	require.Len(t, positions, 2*199)
	at, same := 0, 0
	var sum, square float64
	var klds []float64
	for _, w := range windows {
		p, q := rows(t, base, w.Tokens), rows(t, candidate, w.Tokens)
		for i := 200; i < 399; i++ {
			kld, top, topQ := 0.0, 0, 0
			for k := range p[i] {
				lp := logProb(p[i], tokenizer.Token(k))
				kld += math.Exp(lp) * (lp - logProb(q[i], tokenizer.Token(k)))
				if p[i][k] > p[i][top] {
					top = k
				}
				if q[i][k] > q[i][topQ] {
					topQ = k
				}
			}
			if top == topQ {
				same++
			}
			target := w.Tokens[i+1]
			delta := math.Exp(logProb(q[i], target)) - math.Exp(logProb(p[i], target))
			assert.InDelta(t, kld, positions[at].KLD, 5e-4+5e-3*kld, "position %d", at)
			assert.InDelta(t, delta, positions[at].Delta, 2e-4, "position %d", at)
			klds, sum, square = append(klds, kld), sum+delta, square+delta*delta
			at++
		}
	}
	d := eval.Summarize(positions)
	n := float64(len(positions))
	slices.Sort(klds)
	mean := 0.0
	for _, k := range klds {
		mean += k / n
	}
	assert.InEpsilon(t, mean, d.KLD.Value, 1e-3)
	assert.InEpsilon(t, klds[len(klds)-1], float64(d.KLDSpread.Max), 1e-3)
	assert.InDelta(t, (klds[len(klds)/2]+klds[len(klds)/2-1])/2, float64(d.KLDSpread.Median), 5e-4)
	assert.InDelta(t, sum/n, d.Delta.Value, 1e-5)
	assert.InEpsilon(t, math.Sqrt(square/n), d.DeltaRMS.Value, 1e-3)
	assert.InDelta(t, float64(same)/n, d.SameTop.Value, 1.5/n)
	assert.Greater(t, d.KLD.Value, 1e-3, "the test compares something")

	for name, m := range map[string]*engine.Model{"candidate": candidate, "base": base} {
		p, err := eval.MeasurePerplexity(t.Context(), m, windows, nil)
		require.NoError(t, err)
		got := map[string]eval.Estimate{"candidate": d.PPL, "base": d.BasePPL}[name]
		assert.InEpsilon(t, p.PPL.Value, got.Value, 1e-2, name)
	}
}

func TestAModelDoesNotDivergeFromItself(t *testing.T) {
	m := model(t, "F32")
	windows, err := text(t, 400).Chunks(200, 0, 0)
	require.NoError(t, err)
	d := eval.Summarize(comparePositions(t, writeBase(t, m, windows), m, windows))
	assert.InDelta(t, 0, d.KLD.Value, 1e-4)
	assert.InDelta(t, 0, d.LnRatio.Value, 0.1)
	assert.Equal(t, 1.0, d.SameTop.Value)
}

func TestStatisticsOfKnownNumbers(t *testing.T) {
	var positions []eval.Position
	for i := range 5 {
		positions = append(positions, eval.Position{NLL: float32(i), BaseNLL: float32(i) / 2, KLD: float32(i * i), Delta: float32(i-1) / 10, SameTop: float32(i % 2)})
	}
	d := eval.Summarize(positions)
	assert.InDelta(t, math.Exp(2), d.PPL.Value, 1e-9)
	assert.InDelta(t, math.Exp(2)*math.Sqrt(2.0/4), d.PPL.Error, 1e-9)
	assert.InDelta(t, 1, d.LnRatio.Value, 1e-9)
	assert.InDelta(t, math.Sqrt(0.5/4), d.LnRatio.Error, 1e-9, "the standard error of i/2")
	assert.InDelta(t, 1, float64(d.Correlation), 1e-9)
	assert.InDelta(t, 6, d.KLD.Value, 1e-9)
	assert.InDelta(t, 4, float64(d.KLDSpread.Median), 1e-9)
	assert.InDelta(t, 13.2, float64(d.KLDSpread.P90), 1e-9)
	assert.InDelta(t, 0.1, d.Delta.Value, 1e-7)
	assert.InDelta(t, math.Sqrt(0.03), d.DeltaRMS.Value, 1e-7)
	squares := []float64{0.01, 0, 0.01, 0.04, 0.09} // mean 0.03
	variance := 0.0
	for _, x := range squares {
		variance += (x - 0.03) * (x - 0.03) / 5
	}
	assert.InDelta(t, math.Sqrt(variance/4)/2/math.Sqrt(0.03), d.DeltaRMS.Error, 1e-6)
	assert.InDelta(t, 0.4, d.SameTop.Value, 1e-9)
	assert.InDelta(t, math.Sqrt(0.24/4), d.SameTop.Error, 1e-9)
	assert.Len(t, d.Curve, 101)
}

// TestTheStepsOfABaseAreThoseOfLlamaPerplexity reads the file by its description.
func TestTheStepsOfABaseAreThoseOfLlamaPerplexity(t *testing.T) {
	m := model(t, "F32")
	windows, err := text(t, 20).Chunks(10, 1, -1)
	require.NoError(t, err)
	data, err := os.ReadFile(writeBase(t, m, windows))
	require.NoError(t, err)
	require.Equal(t, "_logits_\x0a\x00\x00\x00\x01\x01\x00\x00\x01\x00\x00\x00", string(data[:20]))
	row := data[20+4*10:]
	u16 := func(i int) int { return int(row[8+2*i]) | int(row[9+2*i])<<8 }
	logits := rows(t, m, windows[0].Tokens)[5]
	most, least := slices.Max(logits), slices.Min(logits)
	low := max(least, most-16)
	for i, x := range logits {
		assert.InDelta(t, math.Round(65535*float64(max(x, low)-low)/float64(most-low)), u16(i), 3, "token %d", i)
	}
	step := math.Float32frombits(uint32(row[0]) | uint32(row[1])<<8 | uint32(row[2])<<16 | uint32(row[3])<<24)
	assert.InEpsilon(t, float64(most-low)/65535, float64(step), 1e-4)
	const trailer = 8 + 32 + 80 // llama-perplexity does not read it
	assert.Len(t, row, 4*(8+2*258)+trailer)
}

func TestABaseThatWasCutShortGoesOn(t *testing.T) {
	m := model(t, "F32")
	windows, err := text(t, 400).Chunks(100, 0, -1)
	require.NoError(t, err)
	whole := writeBase(t, m, windows)
	want, err := os.ReadFile(whole)
	require.NoError(t, err)

	path := filepath.Join(t.TempDir(), "cut")
	b, err := eval.CreateBase(path, windows, m.Vocab(), origin(m), true)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	require.ErrorIs(t, b.Write(engine.WithProgress(ctx, func(tokens int) {
		if read += tokens; read > 200 {
			cancel()
		}
	}), m, windows), context.Canceled)
	require.NoError(t, b.Close())
	_, err = eval.OpenBase(path, windows, m.Vocab())
	require.ErrorContains(t, err, "of 4 windows: cut short")

	b, err = eval.CreateBase(path, windows, m.Vocab(), origin(m), true)
	require.NoError(t, err)
	assert.Positive(t, b.Done())
	require.NoError(t, b.Write(t.Context(), m, windows))
	require.NoError(t, b.Close())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestAPartialBaseIsTiedToItsModelAndNothingElseIsTouched(t *testing.T) {
	m, other := pair(t)
	windows, err := text(t, 400).Chunks(100, 0, -1)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "part")
	create := func(m *engine.Model, windows []eval.Window, resume bool) error {
		b, err := eval.CreateBase(path, windows, m.Vocab(), eval.Origin{ID: m.Identity(), Name: "mine.gguf"}, resume)
		if err == nil {
			require.NoError(t, b.Close())
		}
		return err
	}
	require.NoError(t, create(m, windows, false))
	require.NoError(t, create(m, windows, true))
	require.ErrorContains(t, create(other, windows, true), "begun with another model than mine.gguf")
	require.ErrorContains(t, create(m, windows[:2], true), "base logits of 4 windows of 100 tokens, want 2 of 100")
	require.NoError(t, create(other, windows, false), "begun anew")

	b, err := eval.CreateBase(path, windows, m.Vocab(), origin(m), false)
	require.NoError(t, err)
	require.ErrorContains(t, create(m, windows, true), "another program is writing it")
	require.NoError(t, b.Write(t.Context(), m, windows))
	require.NoError(t, b.Close())
	require.ErrorContains(t, create(m, windows, false), "a whole file of base logits")
	whole, err := eval.OpenBase(path, windows, m.Vocab())
	require.NoError(t, err)
	defer whole.Close()
	of, ok := whole.Origin()
	require.True(t, ok)
	assert.Equal(t, origin(m), of)

	require.NoError(t, os.WriteFile(path, []byte("a text of somebody"), 0o600))
	for _, resume := range []bool{false, true} {
		require.ErrorContains(t, create(m, windows, resume), "not a file of base logits")
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "a text of somebody", string(data))
}

func TestForeignBasesAreRefused(t *testing.T) {
	m := model(t, "F32")
	windows, err := text(t, 400).Chunks(100, 0, -1)
	require.NoError(t, err)
	path := writeBase(t, m, windows)
	_, err = eval.OpenBase(path, windows[:2], m.Vocab())
	require.ErrorContains(t, err, "base logits of 4 windows of 100 tokens, want 2 of 100")
	_, err = eval.OpenBase(path, windows, 51)
	require.ErrorContains(t, err, "base logits of 257 tokens, the model has 51")
	other := slices.Clone(windows)
	other[1], other[2] = other[2], other[1]
	_, err = eval.OpenBase(path, other, m.Vocab())
	require.ErrorContains(t, err, "of another text: window 2")
	junk := filepath.Join(t.TempDir(), "junk")
	for _, data := range []string{"", "_logits_", "_logits_\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f", "GGUF and more that is nothing"} {
		require.NoError(t, os.WriteFile(junk, []byte(data), 0o600))
		_, err = eval.OpenBase(junk, windows, m.Vocab())
		require.ErrorContains(t, err, "not a file of base logits", "%q", data)
	}
}

// FuzzOpenBase reads damaged and other files. It expects an error, or rows that lie within the file.
func FuzzOpenBase(f *testing.F) {
	whole := append([]byte("_logits_\x04\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00"), make([]byte, 4*4+12)...)
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte("_logits_\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f"))
	windows := []eval.Window{{Tokens: make([]tokenizer.Token, 4), First: 2}}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		path := filepath.Join(t.TempDir(), "base")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		b, err := eval.OpenBase(path, windows, 2)
		if err != nil {
			return
		}
		if _, ours := b.Origin(); ours {
			assert.GreaterOrEqual(t, int64(len(data)), eval.BaseSize(windows, 2))
		}
		require.NoError(t, b.Close())
	})
}
