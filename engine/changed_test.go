package engine_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

// cut shortens a file as other programs may do at any time.
func cut(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 4096); err != nil {
		t.Skip("a mapped file cannot be cut short here: ", err)
	}
}

func TestAMappedModelThatIsCutShortIsNotComputedWith(t *testing.T) {
	path := rwkvtest.Random(t, small, "F32")
	m := rwkvtest.Load(t, ggmltest.Library(t), path, engine.Options{Device: "cpu", Threads: 1})
	s := rwkvtest.NewSession(t, m)
	rwkvtest.Logits(t, s, text(4, 12), 0)
	before, err := s.Snapshot()
	require.NoError(t, err)
	cut(t, path)
	_, err = s.Decode(context.Background(), 1)
	require.ErrorIs(t, err, gguf.ErrChanged)
	require.ErrorContains(t, err, path)
	after, err := s.Snapshot()
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, s.Save(&bytes.Buffer{}))
}

func TestAModelInMemoryNeedsItsFileNoMore(t *testing.T) {
	path := rwkvtest.Random(t, small, "F32")
	m := rwkvtest.Load(t, ggmltest.Library(t), path, engine.Options{Device: "cpu", Threads: 1, NoMmap: true})
	s := rwkvtest.NewSession(t, m)
	want := rwkvtest.Logits(t, s, text(4, 12), 0)
	cut(t, path)
	require.NoError(t, s.Reset())
	require.Equal(t, want, rwkvtest.Logits(t, s, text(4, 12), 0))
	var state bytes.Buffer
	require.NoError(t, s.Save(&state))
	require.NoError(t, s.Load(&state))
}
