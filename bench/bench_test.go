package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/lm"
)

// small returns options that measure a small model on one thread of the CPU. It skips the test without ggml.
func small(t *testing.T) Options {
	t.Helper()
	o := ggmltest.Options()
	o.Device = "cpu"
	folder, err := ggml.Find(o)
	if err != nil {
		t.Skipf("no ggml: %v", err)
	}
	dir := t.TempDir()
	checkpoint, model := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf")
	f, err := os.Create(checkpoint)
	require.NoError(t, err)
	require.NoError(t, synth.Write(f, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}))
	require.NoError(t, f.Close())
	_, err = convert.Run(t.Context(), checkpoint, model, convert.Options{})
	require.NoError(t, err)
	return Options{Options: lm.Options{Libraries: folder, CPUVariant: o.CPUVariant, Device: "cpu", Threads: 1}, Model: model, Repetitions: 2}
}

// ticking returns a clock that moves by a millisecond at each call.
func ticking() func() time.Time { return tickingBy(time.Millisecond) }

// tickingBy returns a clock that moves by tick at each call.
func tickingBy(tick time.Duration) func() time.Time {
	now := time.Unix(1, 0)
	return func() time.Time {
		now = now.Add(tick)
		return now
	}
}

func TestRunMeasuresEachTest(t *testing.T) {
	o := small(t)
	ggmltest.NoLeaks(t)
	o.Prompts, o.Gens = []int{8, 16}, []int{4}
	var ended []string
	o.Progress = func(p Progress) {
		assert.LessOrEqual(t, p.Done, p.Total)
		if p.Ended {
			ended = append(ended, p.Test)
		}
	}
	results, err := Run(clock.With(t.Context(), ticking()), o)
	require.NoError(t, err)
	var names []string
	for _, r := range results {
		names = append(names, r.Test())
		assert.Equal(t, o.Model, r.Model)
		assert.Equal(t, "rwkv7 F32", r.ModelType)
		assert.Equal(t, 1, r.Threads)
		assert.Equal(t, -1, r.GPULayers)
		assert.Equal(t, []int64{1e6, 1e6}, r.SamplesNs, "each run took a millisecond of the clock")
		assert.Equal(t, int64(1e6), r.AvgNs)
		assert.InDelta(t, 1000*float64(r.Prompt+r.Gen), float64(r.AvgTS), 1e-6)
		assert.Zero(t, r.StddevNs)
		assert.InDelta(t, 0.001, float64(r.LoadSeconds), 1e-9)
		assert.Positive(t, r.Parameters)
		assert.Positive(t, r.BytesPerToken)
		assert.Positive(t, float64(r.Bandwidth))
		assert.Equal(t, r.Gen > 0, r.BandwidthShare > 0, "a prompt reads the weights once for many tokens")
		assert.NotEmpty(t, r.GGML)
		if runtime.GOOS == "linux" {
			assert.Positive(t, r.PeakRSS)
		}
	}
	assert.Equal(t, []string{"pp8", "pp16", "tg4"}, names)
	assert.Equal(t, names, ended)
}

func TestRunByAClockThatStandsStill(t *testing.T) {
	o := small(t)
	still := time.Now()
	o.Prompts, o.Name = []int{4}, "goose"
	results, err := Run(clock.With(t.Context(), func() time.Time { return still }), o)
	require.NoError(t, err)
	assert.Equal(t, "goose", results[0].Model)
	assert.False(t, results[0].AvgTS.Finite())
	assert.False(t, results[0].Bandwidth.Finite())
}

func TestRunEndsWithItsContext(t *testing.T) {
	o := small(t)
	ggmltest.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Gens, o.Progress = []int{1 << 20}, func(Progress) { cancel() }
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRunRefusesWhatCannotBeMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		o    Options
		want string
	}{
		"no test":                 {Options{}, "no prompts to read and no tokens to generate"},
		"an empty prompt":         {Options{Prompts: []int{512, 0}}, "a test of 0 tokens"},
		"fewer than no tokens":    {Options{Gens: []int{-1}}, "a test of -1 tokens"},
		"negative repetitions":    {Options{Gens: []int{1}, Repetitions: -1}, "-1 repetitions"},
		"a model that is missing": {Options{Gens: []int{1}, Model: "missing.gguf"}, "missing.gguf"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), tc.o)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestMain lets the test's own program stand in for a program that measures.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_TEST_PROGRAM") {
	case "measures":
		fmt.Printf("[{\"model_filename\": %q, \"n_prompt\": 8, \"peak_rss\": 7}]\n", os.Args[len(os.Args)-1])
		os.Exit(0)
	case "fails":
		fmt.Fprintln(os.Stderr, "no memory")
		os.Exit(1)
	case "talks":
		fmt.Println("hello")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestApart(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	command := Command{Path: program, Args: []string{"bench", "--"}}
	t.Setenv("BENCH_TEST_PROGRAM", "measures")
	results, err := Apart(t.Context(), command, "m.gguf")
	require.NoError(t, err)
	assert.Equal(t, []Result{{Model: "m.gguf", Prompt: 8, PeakRSS: 7}}, results)
	t.Setenv("BENCH_TEST_PROGRAM", "fails")
	_, err = Apart(t.Context(), command, "m.gguf")
	require.ErrorContains(t, err, "measuring the speed of m.gguf: exit status 1: no memory")
	t.Setenv("BENCH_TEST_PROGRAM", "talks")
	_, err = Apart(t.Context(), command, "m.gguf")
	require.ErrorContains(t, err, "measuring the speed of m.gguf: invalid character")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Apart(ctx, command, "m.gguf")
	require.ErrorIs(t, err, context.Canceled)
}

func TestABandwidthByAClockThatStandsStill(t *testing.T) {
	begin := time.Now()
	width, err := Bandwidth(clock.With(t.Context(), func() time.Time { return begin }), [][]byte{make([]byte, enough)}, 1)
	require.NoError(t, err)
	assert.False(t, width.Finite())
}

func TestABandwidthIsTheBestOfSome(t *testing.T) {
	width, err := Bandwidth(clock.With(t.Context(), ticking()), [][]byte{make([]byte, enough)}, 2)
	require.NoError(t, err)
	assert.InEpsilon(t, enough*1000.0, float64(width), 1e-9)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Bandwidth(ctx, nil, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRate(t *testing.T) {
	assert.False(t, float.Rate(5, 0).Finite())
	assert.InDelta(t, 20, float64(float.Rate(5, 250*time.Millisecond)), 1e-12)
}

func TestACoarseClockIsAskedUntilItMoves(t *testing.T) {
	runs := 0
	per, err := repeat(func() (time.Duration, error) {
		if runs++; runs%4 == 0 {
			return 16 * time.Millisecond, nil // a step of the clock in every fourth run
		}
		return 0, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 28, runs, "seven steps are more than 100 ms")
	assert.Equal(t, 4*time.Millisecond, per)
}

func TestMeanAndDeviation(t *testing.T) {
	mean, deviation := meanAndDeviation([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	assert.InDelta(t, 5, mean, 1e-12)
	assert.InDelta(t, 2.13808993529939, deviation, 1e-12)
	mean, deviation = meanAndDeviation([]float64{3})
	assert.InDelta(t, 3, mean, 1e-12)
	assert.Zero(t, deviation)
}
