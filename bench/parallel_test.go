package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestRunParallelMeasuresEachTest(t *testing.T) {
	o := small(t)
	ggmltest.NoLeaks(t)
	o.Prompts, o.Gens, o.Parallel = []int{8, 600}, []int{4}, []int{1, 3}
	var ended []string
	done := map[string]int64{}
	o.Progress = func(p Progress) {
		assert.LessOrEqual(t, p.Done, p.Total)
		done[p.Test] = p.Done
		if p.Ended {
			ended = append(ended, p.Test)
			assert.Equal(t, p.Total, p.Done)
		}
	}
	results, err := RunParallel(clock.With(t.Context(), tickingBy(60*time.Millisecond)), o)
	require.NoError(t, err)
	var names []string
	for _, r := range results {
		names = append(names, r.test())
		assert.Equal(t, o.Model, r.Model)
		assert.Equal(t, "rwkv7 F32", r.ModelType)
		assert.Equal(t, 1, r.Threads)
		assert.Equal(t, r.Sequences*(r.Prompt+4), r.Tokens)
		assert.InDelta(t, 0.06, float64(r.PromptTime), 1e-9, "a tick of the clock")
		assert.InDelta(t, 0.12, float64(r.Time), 1e-9)
		assert.InDelta(t, float64(r.Sequences*r.Prompt)/0.06, float64(r.PromptSpeed), 1e-3)
		assert.InDelta(t, float64(r.Sequences*4)/0.06, float64(r.GenSpeed), 1e-3)
		assert.InDelta(t, float64(r.Tokens)/0.12, float64(r.Speed), 1e-3)
		assert.Positive(t, r.Parameters)
		assert.NotEmpty(t, r.GGML)
	}
	assert.Equal(t, []string{"pp8+tg4 x 1", "pp8+tg4 x 3", "pp600+tg4 x 1", "pp600+tg4 x 3"}, names)
	assert.Equal(t, names, ended)
}

// TestSequencesSideBySideReadTheirOwnTokens compares what the sequences have read with the same prompts one after another.
func TestSequencesSideBySideReadTheirOwnTokens(t *testing.T) {
	o := small(t)
	m, err := lm.Open(t.Context(), o.Model, o.Options)
	require.NoError(t, err)
	defer m.Close()
	const n, length = 3, 400 // several chunks
	tokens := randomTokens(n*length, m.Vocab())
	s := sideBySide{now: time.Now, prompts: [][]tokenizer.Token{tokens[:length], tokens[length : 2*length], tokens[2*length:]}, next: tokens[:n], gen: 2}
	s.batch, err = m.NewSlots(n, engine.SessionOptions{})
	require.NoError(t, err)
	defer s.batch.Close()
	require.NoError(t, s.warmUp(t.Context()))
	_, _, err = s.once(t.Context())
	require.NoError(t, err)
	probe := [][]tokenizer.Token{{7}, {7}, {7}}
	got, err := s.batch.Read(t.Context(), probe, rwkv.LastLogits)
	require.NoError(t, err)

	session, err := m.NewSession()
	require.NoError(t, err)
	defer session.Close()
	for i, prompt := range s.prompts {
		require.NoError(t, session.Reset())
		want, err := session.Prefill(t.Context(), append(prompt[:length:length], s.next[i], s.next[i], 7))
		require.NoError(t, err)
		assert.InDeltaSlice(t, want, got[i*m.Vocab():(i+1)*m.Vocab()], 1e-3, "sequence %d", i)
	}
}

func TestRunParallelOfPromptsOrTextsAlone(t *testing.T) {
	o := small(t)
	o.Parallel, o.Gens = []int{2}, []int{3}
	ctx := clock.With(t.Context(), tickingBy(60*time.Millisecond))
	results, err := RunParallel(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, "pp0+tg3 x 2", results[0].test())
	assert.Zero(t, results[0].PromptSpeed)
	o.Prompts, o.Gens = []int{5}, nil
	results, err = RunParallel(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, "pp5+tg0 x 2", results[0].test())
	assert.Positive(t, results[0].PromptSpeed)
}

func TestRunParallelEndsWithItsContext(t *testing.T) {
	o := small(t)
	ggmltest.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Gens, o.Parallel, o.Progress = []int{1 << 20}, []int{2}, func(Progress) { cancel() }
	_, err := RunParallel(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRunParallelRefusesWhatCannotBeMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		o    Options
		want string
	}{
		"no test":                 {Options{Parallel: []int{1}}, "no prompts to read and no tokens to generate"},
		"no number of sequences":  {Options{Gens: []int{1}}, "no number of sequences"},
		"no sequence":             {Options{Gens: []int{1}, Parallel: []int{2, 0}}, "0 sequences side by side: want 1 to 256"},
		"too many sequences":      {Options{Gens: []int{1}, Parallel: []int{257}}, "257 sequences side by side: want 1 to 256"},
		"a model that is missing": {Options{Gens: []int{1}, Parallel: []int{1}, Model: "missing.gguf"}, "missing.gguf"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := RunParallel(t.Context(), tc.o)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestRunParallelRefusesMoreThanTheMemoryHolds(t *testing.T) {
	o := small(t)
	ggmltest.NoLeaks(t)
	o.Name, o.Gens, o.Parallel = "goose", []int{1}, []int{1, 40}
	// Each sequence has 2 layers of 2 heads, padded to 64*64, and 2*64 numbers, and 257 logits.
	o.Memory = 20*4*(2*(2*64*64+2*64)+257) + 5
	_, err := RunParallel(t.Context(), o)
	require.EqualError(t, err, "goose: 40 sequences need 2.6 MiB for states and logits, 1.3 MiB of memory are free: try 20 or fewer")
	o.Parallel = []int{20}
	_, err = RunParallel(t.Context(), o)
	require.NoError(t, err)
}
