package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// small is a model that is quick everywhere.
var small = synth.Config{Layers: 2, Embed: 64, FFN: 96, HeadSize: 32, Vocab: 51, Seed: 3}

// model loads a model of random weights on the CPU.
func model(t testing.TB) *engine.Model {
	t.Helper()
	lib := ggmltest.Library(t)
	return rwkvtest.Load(t, lib, rwkvtest.Random(t, small, "F32"), engine.Options{Device: "cpu", Threads: 1})
}

// text is tokens of the small model, other ones for each seed.
func text(seed, length int) []int32 {
	tokens := make([]int32, length)
	for i := range tokens {
		tokens[i] = int32((i*i*7 + i*seed + seed) % small.Vocab)
	}
	return tokens
}

func TestTokensThatSlotsCannotReadAreRefused(t *testing.T) {
	m := model(t)
	b, err := m.NewSlots(2, engine.SessionOptions{})
	require.NoError(t, err)
	defer b.Close()
	for want, tokens := range map[string][][]tokenizer.Token{
		"tokens of 3 sequences, there are 2 slots":        {{1}, {1}, {1}},
		"sequence 1: 513 tokens at once, at most 512":     {{1}, make([]tokenizer.Token, 513)},
		"token 51 at position 1: the model knows 0 to 50": {nil, {1, 51}},
		"token -1 at position 0: the model knows 0 to 50": {{-1}, nil},
	} {
		_, err := b.Read(t.Context(), tokens, rwkv.LastLogits)
		require.ErrorContains(t, err, want)
	}
	rows, err := b.Read(t.Context(), make([][]tokenizer.Token, 2), rwkv.AllLogits)
	require.NoError(t, err)
	require.Empty(t, rows, "no tokens, no logits")
}

func TestSessionsOfOneModelMayRunAtOnce(t *testing.T) {
	lib := ggmltest.Library(t)
	m := rwkvtest.Load(t, lib, rwkvtest.Random(t, small, "F32"), engine.Options{Device: "cpu", Threads: 2})
	var want [4][][]float32
	for i := range want {
		want[i] = rwkvtest.Logits(t, rwkvtest.NewSession(t, m), text(i, 50), 5)
	}
	var group errgroup.Group
	for i := range want {
		s := rwkvtest.NewSession(t, m)
		group.Go(func() error {
			for range 5 {
				require.NoError(t, s.Reset())
				err := s.Logits(t.Context(), rwkvtest.Tokens(text(i, 50)), 5, func(position int, logits []float32) error {
					if !slices.Equal(want[i][position], logits) {
						return fmt.Errorf("session %d, position %d: other logits", i, position)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
}

func TestOneSessionGivenUpLeavesTheOthersRunning(t *testing.T) {
	m := model(t)
	want := rwkvtest.Logits(t, rwkvtest.NewSession(t, m), text(1, 300), 0)
	stopping, cancel := context.WithCancel(t.Context())
	var group errgroup.Group
	for i := range 3 {
		s := rwkvtest.NewSession(t, m)
		group.Go(func() error {
			for stopping.Err() == nil {
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				_, err := s.Prefill(ctx, rwkvtest.Tokens(text(i, 300)))
				if err != nil && !errors.Is(err, context.Canceled) {
					return err
				}
			}
			return nil
		})
	}
	s := rwkvtest.NewSession(t, m)
	for range 10 {
		require.NoError(t, s.Reset())
		got, err := s.Prefill(t.Context(), rwkvtest.Tokens(text(1, 300)))
		if assert.NoError(t, err) {
			rwkvtest.Near(t, want[299:], [][]float32{got}, 1e-5, "the session that goes on")
		}
	}
	cancel()
	require.NoError(t, group.Wait())
}

func TestTokensThatTheModelDoesNotKnowAreRefused(t *testing.T) {
	s := rwkvtest.NewSession(t, model(t))
	for _, token := range []tokenizer.Token{-1, 51, 1 << 30} {
		_, err := s.Prefill(t.Context(), []tokenizer.Token{3, token})
		require.ErrorContains(t, err, fmt.Sprintf("token %d at position 1: the model knows 0 to 50", token))
		_, err = s.Decode(t.Context(), token)
		require.ErrorContains(t, err, "the model knows 0 to 50")
	}
	_, err := s.Prefill(t.Context(), nil)
	require.ErrorContains(t, err, "no tokens")
	require.ErrorContains(t, s.Logits(t.Context(), nil, 0, nil), "no tokens")
	require.Zero(t, s.Tokens())
}

func TestLogitsStopWhereTheirReaderDoes(t *testing.T) {
	s := rwkvtest.NewSession(t, model(t))
	stop := errors.New("enough")
	seen := 0
	err := s.Logits(t.Context(), rwkvtest.Tokens(text(1, 30)), 10, func(int, []float32) error {
		if seen++; seen == 4 {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, 4, seen)
}

func TestClosing(t *testing.T) {
	ggmltest.NoLeaks(t)
	m := model(t)
	s, err := m.NewSession(engine.SessionOptions{})
	require.NoError(t, err)
	_, err = s.Prefill(t.Context(), rwkvtest.Tokens(text(1, 5)))
	require.NoError(t, err)
	s.Close()
	s.Close()
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
}

func TestDevicesThatAreNotThere(t *testing.T) {
	lib := ggmltest.Library(t)
	_, err := engine.Load(lib, rwkvtest.Random(t, small, "F32"), engine.Options{Device: "abacus0"})
	require.ErrorContains(t, err, `no device "abacus0"`)
	require.ErrorContains(t, err, "cpu")
}

func BenchmarkDecode(b *testing.B) {
	m := model(b)
	s, err := m.NewSession(engine.SessionOptions{})
	require.NoError(b, err)
	defer s.Close()
	for b.Loop() {
		_, err := s.Decode(b.Context(), 1)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tok/s")
	b.ReportMetric(float64(m.BytesPerToken()), "B/tok")
}

// BenchmarkDecodeOnThreads measures decoding on numbers of threads that the command line would lower. The variable MODEL names another
// model than the demo.
func BenchmarkDecodeOnThreads(b *testing.B) {
	for _, threads := range []int{1, 2, 3, 8} {
		b.Run(fmt.Sprint(threads), func(b *testing.B) {
			path := cmp.Or(os.Getenv("MODEL"), "../demo/demo.gguf")
			m := rwkvtest.Load(b, ggmltest.Library(b), path, engine.Options{Device: "CPU", Threads: threads, Kernels: os.Getenv("GOSLING_KERNELS")})
			s, err := m.NewSession(engine.SessionOptions{})
			require.NoError(b, err)
			defer s.Close()
			for b.Loop() {
				_, err := s.Decode(b.Context(), 1)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tok/s")
		})
	}
}
