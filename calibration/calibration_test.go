package calibration_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/imatrix"
)

var (
	info    = calibration.Info{Model: "goose", Datasets: []string{"a.txt"}, ChunkSize: 512, Of: imatrix.Origin{Model: "m", Text: "t"}}
	entries = []calibration.Entry{{Name: "b", Inputs: 2, Chunks: 3, Weights: calibration.Weights{1, 2}}, {Name: "a", Inputs: 1, Chunks: 3, Weights: calibration.Weights{3}}}
)

// write writes a file of some entries.
func write(t testing.TB, entries []calibration.Entry, moments ...[]float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.gguf")
	w, err := calibration.Create(path, false, info, entries)
	require.NoError(t, err)
	defer w.Close()
	for i, x := range moments {
		require.NoError(t, w.Put(context.Background(), i, x))
	}
	require.NoError(t, w.Commit())
	return path
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	f, err := calibration.Open(write(t, entries, []float32{4, -1, 9}, []float32{7}))
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, info, f.Info)
	assert.Equal(t, entries, f.Entries)
	require.NoError(t, f.Finished())
	x, err := f.Moments(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, []float32{4, -1, 9}, x)
	x, err = f.Squares(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, []float32{4, 9}, x)
	_, err = f.Moments(t.Context(), "c")
	require.ErrorContains(t, err, `holds nothing of tensor "c"`)
}

func TestFilesThatAreNotFinishedSaySo(t *testing.T) {
	for _, chunks := range [][]int{{0, 0}, {3, 0}, {3, 2}} {
		some := slices.Clone(entries)
		some[0].Chunks, some[1].Chunks = chunks[0], chunks[1]
		path := write(t, some, []float32{4, -1, 9}, []float32{7})
		f, err := calibration.Open(path)
		require.NoError(t, err)
		defer f.Close()
		var unfinished *calibration.UnfinishedError
		require.ErrorAs(t, f.Finished(), &unfinished)
		assert.ErrorContains(t, unfinished, fmt.Sprintf("%d of 2 matrices", min(1, chunks[0])))
		_, _, err = calibration.Merge(t.Context(), []string{path, path}, path, true)
		require.ErrorAs(t, err, &unfinished)
	}
}

func TestFilesOfOneModelAddUp(t *testing.T) {
	one, two := write(t, entries, []float32{4, -1, 9}, []float32{7}), write(t, entries, []float32{1, 2, 3}, []float32{1})
	_, sums, err := calibration.Merge(t.Context(), []string{one, two}, one, true)
	require.NoError(t, err)
	assert.Equal(t, 6, sums[0].Chunks)
	f, err := calibration.Open(one)
	require.NoError(t, err)
	defer f.Close()
	x, err := f.Moments(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, []float32{5, 1, 12}, x)
	assert.Equal(t, []string{"a.txt", "a.txt"}, f.Datasets)
	other := write(t, []calibration.Entry{{Name: "b", Inputs: 1, Chunks: 3}, entries[1]}, []float32{1}, []float32{1})
	_, _, err = calibration.Merge(t.Context(), []string{one, other}, two, true)
	require.ErrorContains(t, err, "belong to different models")
}

func TestFilesOfDifferentModelsDoNotAddUp(t *testing.T) {
	same := slices.Clone(entries)
	same[0].Weights = calibration.Weights{1.02, 1.97} // rounded
	other := slices.Clone(entries)
	other[0].Weights, other[1].Weights = calibration.Weights{2, -1}, calibration.Weights{-1, 3}
	moments := [][]float32{{4, -1, 9}, {7}}
	path, to := write(t, entries, moments...), filepath.Join(t.TempDir(), "sum.gguf")
	_, sums, err := calibration.Merge(t.Context(), []string{path, write(t, same, moments...)}, to, false)
	require.NoError(t, err)
	assert.Equal(t, entries[0].Weights, sums[0].Weights)
	_, _, err = calibration.Merge(t.Context(), []string{path, write(t, other, moments...)}, to, true)
	var model *calibration.OtherModelError
	require.ErrorAs(t, err, &model)
	require.ErrorContains(t, err, `has the moments of another model, "goose": the weights differ by 162 % from those of`)
}

func TestTheDifferenceIsThatOfMostMatrices(t *testing.T) {
	var d calibration.Difference
	assert.Zero(t, d.Relative())
	d.Add(calibration.Weights{}, calibration.Weights{}) // never trained
	assert.Zero(t, d.Relative())
	d.Add(calibration.Weights{3, 4}, calibration.Weights{3, 4})
	d.Add(calibration.Weights{3, 4}, calibration.Weights{3.03, 4.04})
	d.Add(calibration.Weights{3, 4}, calibration.Weights{-1})
	assert.InDelta(t, 0.01, d.Relative(), 1e-4)
}

func TestASampleIsTakenFromAllOverAMatrix(t *testing.T) {
	for _, shape := range [][2]int64{{1, 1}, {16, 4}, {8, 40}, {100, 1000}} {
		inputs, rows := shape[0], shape[1]
		var read []int64
		w, err := calibration.Sample(inputs, rows, func(row int64, dst []float32) error {
			require.Len(t, dst, int(inputs))
			read = append(read, row)
			for i := range dst {
				dst[i] = float32(row*inputs + int64(i))
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []int64{rows / 8, 3 * rows / 8, 5 * rows / 8, 7 * rows / 8}, read)
		assert.True(t, slices.IsSorted(w[:]))
		assert.Equal(t, []float32{float32(rows/8*inputs + inputs/32), float32(7*rows/8*inputs + 31*inputs/32)}, []float32{w[0], w[63]})
	}
}

func TestWorkStopsWhenTheContextEnds(t *testing.T) {
	path := write(t, entries, []float32{4, -1, 9}, []float32{7})
	f, err := calibration.Open(path)
	require.NoError(t, err)
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Moments(ctx, "b")
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.Squares(ctx, "b")
	require.ErrorIs(t, err, context.Canceled)
	to := filepath.Join(t.TempDir(), "sum.gguf")
	_, _, err = calibration.Merge(ctx, []string{path, path}, to, false)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, to)
	w, err := calibration.Create(to, false, info, entries)
	require.NoError(t, err)
	defer w.Close()
	require.ErrorIs(t, w.Put(ctx, 0, []float32{4, -1, 9}), context.Canceled)
}

func TestAFileThatWasCutShortIsMadeAgain(t *testing.T) {
	path := write(t, entries, []float32{4, -1, 9}, []float32{7})
	is, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, is.Size()-32))
	_, err = calibration.Open(path)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "cut short, download or make it again")
}

// Whatever a file holds, it is an error or its moments can be read.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("GGUF"))
	whole, err := os.ReadFile(write(f, entries, []float32{4, -1, 9}, []float32{7}))
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "c.gguf")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		file, err := calibration.Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for _, e := range file.Entries {
			if x, err := file.Moments(t.Context(), e.Name); err == nil {
				assert.Len(t, x, int(e.Inputs*(e.Inputs+1)/2))
			}
		}
	})
}
