package rwkvtest

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

// small is the model for the laws.
var small = synth.Config{Layers: 3, Embed: 128, FFN: 192, HeadSize: 64, Vocab: 301, Seed: 5}

// laws checks what must hold however a text is read.
func (b bench) laws(t *testing.T) {
	path := Random(t, b.sized(small), "F32")
	m := b.load(t, path)
	if b.device.IsHost() {
		require.Equal(t, b.kernels, m.Kernels())
	}
	tokens := text(1, 1025, m.Vocab())
	single := Logits(t, NewSession(t, Load(t, b.lib, path, engine.Options{Device: "cpu", Threads: 1, Kernels: b.kernels.String()})), tokens, 1)

	t.Run("chunks of any length give the same logits", func(t *testing.T) {
		for _, chunk := range []int{1, 7, 33, 512} {
			n := min(50*chunk, len(tokens))
			Near(t, single[:n], Logits(t, b.session(t, m), tokens[:n], chunk), rounding.on(b.device), fmt.Sprint("chunks of ", chunk))
		}
	})
	t.Run("a prompt of any length gives what its tokens give", func(t *testing.T) {
		for _, n := range []int{1, 2, 511, 512, 513, 1025} {
			s := b.session(t, m)
			got, err := s.Prefill(t.Context(), Tokens(tokens[:n]))
			require.NoError(t, err)
			require.EqualValues(t, n, s.Tokens())
			Near(t, single[n-1:n], [][]float32{got}, rounding.on(b.device), fmt.Sprint(n, " tokens"))
		}
	})
	t.Run("sequences side by side give what each gives alone", func(t *testing.T) { b.sideBySide(t, m) })
	t.Run("a state that was kept goes on the same", func(t *testing.T) { b.kept(t, m, tokens[:90]) })
	t.Run("a prompt that is given up changes nothing", func(t *testing.T) { b.givenUp(t, m, tokens) })
	t.Run("a new text knows nothing of the one before", func(t *testing.T) {
		s := b.session(t, m)
		want := Logits(t, s, tokens[:20], 0)
		require.NoError(t, s.Reset())
		require.Zero(t, s.Tokens())
		require.Equal(t, want, Logits(t, s, tokens[:20], 0))
	})
	t.Run("a file read into memory is the same as a mapped one", func(t *testing.T) {
		all := -1
		copied := b.loadAs(t, path, engine.Options{GPULayers: &all, NoMmap: true})
		Near(t, single[:20], Logits(t, b.session(t, copied), tokens[:20], 0), rounding.on(b.device), "logits")
	})
}

// kept reads half a text, keeps the state in each way, and reads on in another session.
func (b bench) kept(t *testing.T, m *engine.Model, tokens []int32) {
	half := len(tokens) / 2
	s := b.session(t, m)
	Logits(t, s, tokens[:half], 0)
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, s.Save(&file))
	want := Logits(t, s, tokens[half:], 0)
	for name, put := range map[string]func(*engine.Session) error{
		"restored":               func(s *engine.Session) error { return s.Restore(snapshot) },
		"loaded":                 func(s *engine.Session) error { return s.Load(bytes.NewReader(file.Bytes())) },
		"restored in its middle": func(s *engine.Session) error { Logits(t, s, tokens[:9], 0); return s.Restore(snapshot) },
	} {
		other := b.session(t, m)
		require.NoError(t, put(other), name)
		require.EqualValues(t, half, other.Tokens(), name)
		require.Equal(t, want, Logits(t, other, tokens[half:], 0), name)
	}
	require.NoError(t, s.Restore(snapshot))
	require.Equal(t, want, Logits(t, s, tokens[half:], 0), "restored where it was taken")
}

// givenUp ends the context of a prompt after each check of it, and in the middle of graphs.
func (b bench) givenUp(t *testing.T, m *engine.Model, tokens []int32) {
	s := b.session(t, m)
	Logits(t, s, tokens[:10], 0)
	before, err := s.Snapshot()
	require.NoError(t, err)
	unchanged := func() {
		after, err := s.Snapshot()
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
	stopped := 0
	for looks := int64(0); ; looks++ {
		ctx := &impatient{Context: t.Context(), done: make(chan struct{})}
		ctx.looks.Store(looks)
		_, err := s.Prefill(ctx, Tokens(tokens))
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		unchanged()
		stopped++
	}
	require.Greater(t, stopped, len(tokens)/engine.MaxChunk, "each chunk looks")

	require.NoError(t, s.Restore(before))
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		started := make(chan struct{})
		go func() {
			close(started)
			cancel()
		}()
		<-started
		_, err := s.Prefill(ctx, Tokens(tokens))
		cancel()
		if err == nil { // the prompt was faster
			require.NoError(t, s.Restore(before))
		} else {
			require.ErrorIs(t, err, context.Canceled)
		}
		unchanged()
	}
	ctx := &impatient{Context: t.Context(), done: make(chan struct{})}
	ctx.looks.Store(1)
	_, err = s.Decode(ctx, 1)
	require.NoError(t, err, "a token that was begun is finished")
}

// impatient is a context that ends after it was checked a number of times.
type impatient struct {
	context.Context
	looks atomic.Int64
	done  chan struct{}
}

func (c *impatient) Done() <-chan struct{} { return c.done }

func (c *impatient) Err() error {
	if c.looks.Add(-1) >= 0 {
		return nil
	}
	return context.Canceled
}
