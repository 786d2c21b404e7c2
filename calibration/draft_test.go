package calibration_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/gguf"
)

// chunksOf returns the numbers of chunks of a file's entries.
func chunksOf(t *testing.T, path string) (all []int) {
	t.Helper()
	f, err := calibration.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for _, e := range f.Entries {
		all = append(all, e.Chunks)
	}
	return all
}

func TestADraftBecomesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.gguf")
	d, err := calibration.NewDraft(path, false, info, entries)
	require.NoError(t, err)
	assert.Equal(t, []int{0, 0}, chunksOf(t, path))
	require.NoError(t, d.Change(t.Context(), []int{2, 0}, map[int][]float32{0: {3, 0, 8}}))
	require.NoError(t, d.Close())
	assert.Equal(t, []int{2, 0}, chunksOf(t, path))

	d, err = calibration.OpenDraft(path)
	require.NoError(t, err)
	defer d.Close()
	x, err := d.Moments(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, []float32{3, 0, 8}, x)
	require.NoError(t, d.Change(t.Context(), []int{3, 0}, map[int][]float32{0: {4, -1, 9}}))
	require.NoError(t, d.Change(t.Context(), []int{3, 3}, map[int][]float32{1: {7}}))
	want, err := os.ReadFile(write(t, entries, []float32{4, -1, 9}, []float32{7}))
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestAChangeThatWasStoppedLosesOnlyWhatItReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.gguf")
	d, err := calibration.NewDraft(path, false, info, entries)
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Change(t.Context(), []int{2, 2}, map[int][]float32{0: {3, 0, 8}, 1: {6}}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Change(ctx, []int{2, 3}, map[int][]float32{1: {7}}), context.Canceled)
	assert.Equal(t, []int{2, 0}, chunksOf(t, path))
	x, err := d.Moments(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, []float32{3, 0, 8}, x)
}

func TestADraftBelongsToOneProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.gguf")
	d, err := calibration.NewDraft(path, false, info, entries)
	require.NoError(t, err)
	_, err = calibration.OpenDraft(path)
	require.ErrorContains(t, err, path+": another program is writing it")
	require.NoError(t, d.Close())
	d, err = calibration.OpenDraft(path)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = calibration.NewDraft(path, false, info, entries)
	require.ErrorIs(t, err, os.ErrExist)
}

// Its header is written in place, so it must have the same length.
func TestAFileOfAnotherLayoutIsNotContinued(t *testing.T) {
	f, err := gguf.Open(write(t, entries, []float32{4, -1, 9}, []float32{7}))
	require.NoError(t, err)
	defer f.Close()
	path := filepath.Join(t.TempDir(), "other.gguf")
	out, err := os.Create(path)
	require.NoError(t, err)
	w, err := gguf.NewWriter(out, gguf.Header{Keys: append(f.Keys(), gguf.KV{Key: "mine", Value: "a text that makes the header longer"}), Tensors: f.Tensors()})
	require.NoError(t, err)
	require.NoError(t, out.Truncate(w.Size()))
	require.NoError(t, out.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = calibration.OpenDraft(path)
	require.ErrorContains(t, err, "has another layout")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
