package rwkvtest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// tuned starts a model's texts with the state that it had after another text. The state is stored as state tuning does: merged
// into the model's file, or in a file of its own.
func (b bench) tuned(t *testing.T) {
	if b.Arch.Detect == nil {
		t.Skip(b.Arch.Title + " has no checkpoints that states are tuned for")
	}
	for _, head := range []int{8, 32, 64} {
		t.Run(fmt.Sprint("heads of ", head), func(t *testing.T) {
			base := checkpointOf(t, b.sized(synth.Config{Layers: 2, Embed: 2 * head, FFN: 3 * head, HeadSize: head, Vocab: 61, Seed: 4}))
			m := b.load(t, convertModel(t, base, "F32"))
			if !slices.ContainsFunc(b.Arch.State(m.Config()), func(s rwkv.StateSpec) bool { return s.Tuned != "" }) {
				t.Skip(b.Arch.Title + " has no state that can be tuned")
			}
			b.begins(t, base, m)
		})
	}
}

func (b bench) begins(t *testing.T, base string, m *engine.Model) {
	c := m.Config()
	forward, err := b.Arch.Reference(c, Weights(t, b.lib, m.File().Path()))
	require.NoError(t, err)
	_, state, err := forward(nil, text(1, 30, c.Vocab))
	require.NoError(t, err)
	for i, spec := range b.Arch.State(c) {
		if spec.Tuned == "" {
			clear(state[i]) // only the recurrence's state is kept
		}
	}
	tokens := text(2, 9, c.Vocab)
	want, _, err := forward(state, tokens)
	require.NoError(t, err)
	file := b.stateFile(t, c, state)
	same := func(t *testing.T, m *engine.Model, begin *engine.Beginning) {
		s := b.sessionFrom(t, m, begin)
		for range 2 { // again after a reset
			Near(t, want, Logits(t, s, tokens, 0), rounding.on(b.device), "logits")
			require.NoError(t, s.Reset())
		}
	}

	t.Run("in the model's file", func(t *testing.T) {
		path := ConvertAs(t, base, "F32", convert.Options{State: convert.State{Path: file}})
		tuned := b.load(t, path)
		same(t, tuned, nil)
		withState, err := b.Arch.Reference(tuned.Config(), Weights(t, b.lib, path))
		require.NoError(t, err)
		got, _, err := withState(nil, tokens)
		require.NoError(t, err)
		Near(t, want, got, 1e-6, "the reference's logits")

		plain, _, err := forward(nil, tokens)
		require.NoError(t, err)
		Near(t, plain, Logits(t, b.sessionFrom(t, tuned, tuned.BeginEmpty()), tokens, 0), rounding.on(b.device), "from nothing")
	})
	beside := func(t *testing.T, transposed *bool) *engine.Beginning {
		states, err := convert.ReadStates(convert.State{Path: file, Transposed: transposed}, b.Arch, c)
		require.NoError(t, err)
		snapshot, err := m.Layout().Tuned(func(name string) ([]float32, error) { return states[name], nil })
		require.NoError(t, err)
		begin, err := m.BeginWith(snapshot)
		require.NoError(t, err)
		return begin
	}
	t.Run("beside it", func(t *testing.T) { same(t, m, beside(t, nil)) })
	t.Run("the wrong way round", func(t *testing.T) {
		begin := beside(t, new(true))
		require.Greater(t, difference(want, Logits(t, b.sessionFrom(t, m, begin), tokens, 0)), 1e-3)
	})
}

// stateFile writes the recurrence's part of a state as state tuning does, [heads, value, key] for each layer.
func (b bench) stateFile(t *testing.T, c rwkv.Config, state [][]float64) string {
	t.Helper()
	var specs []pth.Spec
	var data [][]byte
	for i, spec := range b.Arch.State(c) {
		if spec.Tuned == "" {
			continue
		}
		n := c.HeadSize
		x := make([]float32, len(state[i]))
		for j, v := range state[i] {
			head, row, col := j/(n*n), j/n%n, j%n
			if b.Arch.Name != "rwkv7" { // only version 7 computes with states in the layout in which they are tuned
				row, col = col, row
			}
			x[head*n*n+row*n+col] = float32(v)
		}
		bytes := make([]byte, 4*len(x))
		float.EncodeF32(bytes, x)
		specs = append(specs, pth.Spec{Name: fmt.Sprintf("blocks.%d.att.time_state", spec.Layer), DType: checkpoint.F32, Shape: []int64{int64(c.Heads()), int64(n), int64(n)}})
		data = append(data, bytes)
	}
	path := filepath.Join(t.TempDir(), "state.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, pth.Write(f, "state", specs, func(i int, w io.Writer) error {
		_, err := w.Write(data[i])
		return err
	}))
	require.NoError(t, f.Close())
	return path
}
