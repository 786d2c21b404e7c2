package engine_test

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// decodeText decodes a text in the first slot of several and returns the logits after each token.
func decodeText(t *testing.T, s *engine.Slots, tokens []int32, beside int) [][]float32 {
	t.Helper()
	var all [][]float32
	for i, token := range tokens {
		read := []tokenizer.Token{tokenizer.Token(token)}
		for j := range beside {
			read = append(read, tokenizer.Token((i+7*j)%small.Vocab))
		}
		rows, err := s.Decode(t.Context(), read)
		require.NoError(t, err)
		all = append(all, slices.Clone(rows[:small.Vocab]))
	}
	return all
}

// Whatever a slot held before, a text that begins there is like a text alone. Moved, saved and loaded, it goes on.
func TestSlots(t *testing.T) {
	m := model(t)
	tokens := text(3, 12)
	want := rwkvtest.Logits(t, rwkvtest.NewSession(t, m), tokens, 1)
	s, err := m.NewSlots(4, engine.SessionOptions{})
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, 4, s.Len())

	var poison engine.Snapshot
	require.NoError(t, s.Save(0, &poison))
	for _, x := range poison.State {
		for i := range x {
			x[i] = float32(math.NaN())
		}
	}
	for slot := range 4 {
		require.NoError(t, s.Load(slot, poison))
	}
	for slot := range 3 {
		require.NoError(t, s.Begin(slot, nil))
	}
	near := func(want, got [][]float32) {
		t.Helper()
		require.Len(t, got, len(want))
		for i := range want {
			require.InDeltaSlice(t, want[i], got[i], 1e-5)
		}
	}
	near(want[:4], decodeText(t, s, tokens[:4], 2))
	var saved engine.Snapshot
	require.NoError(t, s.Save(0, &saved))
	memory := &saved.State[0][0]
	near(want[4:6], decodeText(t, s, tokens[4:6], 0))
	require.NoError(t, s.Move(0, 3))
	decodeText(t, s, tokens[:3], 1) // something else
	require.NoError(t, s.Move(3, 0))
	near(want[6:], decodeText(t, s, tokens[6:], 2))
	require.NoError(t, s.Load(0, saved))
	near(want[4:], decodeText(t, s, tokens[4:], 1))
	require.NoError(t, s.Save(1, &saved))
	require.Same(t, memory, &saved.State[0][0], "the memory is used again")

	for what, err := range map[string]error{
		"slot 4 of 4": s.Begin(4, nil), "slot -1 of 4": s.Save(-1, &saved), "slots 0 and 4 of 4": s.Move(0, 4),
		"a state of 0 tensors": s.Load(0, engine.Snapshot{}), "slot 9 of 4": s.Load(9, saved),
	} {
		require.ErrorContains(t, err, what)
	}
}

// Sessions that take turns are like sessions alone.
func TestSessionsTakeTurns(t *testing.T) {
	m := model(t)
	begun := rwkvtest.NewSession(t, m)
	rwkvtest.Logits(t, begun, text(9, 5), 0)
	snap, err := begun.Snapshot()
	require.NoError(t, err)
	begin, err := m.BeginWith(snap)
	require.NoError(t, err)
	for _, o := range []engine.SessionOptions{{}, {Begin: begin}} {
		var want, got [3][][]float32
		var sessions [3]*engine.Session
		for i := range want {
			s, err := m.NewSession(o)
			require.NoError(t, err)
			want[i] = rwkvtest.Logits(t, s, text(i, 20), 5)
			s.Close()
			sessions[i], err = m.NewSession(o)
			require.NoError(t, err)
			defer sessions[i].Close()
		}
		for at := 0; at < 20; at += 5 {
			for i, s := range sessions {
				got[i] = append(got[i], rwkvtest.Logits(t, s, text(i, 20)[at:at+5], 5)...)
				if at == 10 { // while another one has the slot
					snap, err := sessions[(i+1)%3].Snapshot()
					require.NoError(t, err)
					require.NoError(t, sessions[(i+1)%3].Restore(snap))
				}
			}
		}
		require.Equal(t, want, got)
	}
}

// A second session has its state and hardly more: it shares the graphs of the first.
func TestASecondSessionTakesLittleMemory(t *testing.T) {
	var log bytes.Buffer
	c := synth.Config{Layers: 2, Embed: 512, FFN: 512, HeadSize: 64, Vocab: 4000, Seed: 3}
	m := rwkvtest.Load(t, ggmltest.Library(t), rwkvtest.Random(t, c, "F32"), engine.Options{
		Device: "cpu", Threads: 1, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	read := func(s *engine.Session) int {
		for _, n := range []int{300, 1, 40} {
			_, err := s.Prefill(t.Context(), make([]tokenizer.Token, n))
			require.NoError(t, err)
		}
		return strings.Count(log.String(), "graph built")
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	first := rwkvtest.NewSession(t, m)
	graphs := read(first)
	snap, err := first.Snapshot()
	require.NoError(t, err)
	state := uint64(0)
	for _, x := range snap.State {
		state += uint64(4 * len(x))
	}
	snap = engine.Snapshot{}
	before := heap()
	second := rwkvtest.NewSession(t, m)
	require.Equal(t, graphs, read(second), "no new graphs")
	require.LessOrEqual(t, heap(), before+state+1<<20, "the state of %d bytes", state)
	read(first)
	require.LessOrEqual(t, heap(), before+2*state+1<<20, "both have memory for their state now")
}

// Many shapes of input do not fill the memory.
func TestPlansAreBounded(t *testing.T) {
	m := model(t)
	s, err := m.NewSlots(3, engine.SessionOptions{})
	require.NoError(t, err)
	defer s.Close()
	for n := 1; n < 100; n++ {
		_, err := s.Read(t.Context(), [][]tokenizer.Token{make([]tokenizer.Token, n), nil, {5}}, rwkv.LastLogits)
		require.NoError(t, err, fmt.Sprint(n))
		require.LessOrEqual(t, s.Plans(), 64)
	}
}

// BenchmarkSwap copies a state out of a slot and back. The variable MODEL names another model than the demo.
func BenchmarkSwap(b *testing.B) {
	m := rwkvtest.Load(b, ggmltest.Library(b), cmp.Or(os.Getenv("MODEL"), "../demo/demo.gguf"), engine.Options{Device: "CPU"})
	s, err := m.NewSlots(2, engine.SessionOptions{})
	require.NoError(b, err)
	defer s.Close()
	var snap engine.Snapshot
	b.SetBytes(2 * m.StateBytes())
	for b.Loop() {
		require.NoError(b, s.Save(1, &snap))
		require.NoError(b, s.Load(0, snap))
	}
}
