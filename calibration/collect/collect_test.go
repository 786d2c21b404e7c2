package collect_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/calibration/collect"
	"github.com/gosling-rwkv/gosling/imatrix"
	imatrixcollect "github.com/gosling-rwkv/gosling/imatrix/collect"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/tinytest"
)

var book = collect.Text{Name: "book.txt", Data: []byte("The goose said to the gander: let us fly away, far away, over the sea, where no fox is and no dog, and the grass is green.")}

// options returns options for a tiny model, in chunks of 16 tokens. It skips the test without ggml.
func options(t *testing.T, version string, seed uint64) collect.Options {
	t.Helper()
	model, o := tinytest.Model(t, version, seed)
	return collect.Options{Options: o, Model: model, Text: book, Context: 16, Output: filepath.Join(t.TempDir(), "out.gguf")}
}

// open opens a file, and closes it when the test ends.
func open(t *testing.T, path string) *calibration.File {
	t.Helper()
	f, err := calibration.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// equal compares two files.
func equal(t *testing.T, want, got string) {
	t.Helper()
	x, err := os.ReadFile(want)
	require.NoError(t, err)
	y, err := os.ReadFile(got)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(x, y), "the files differ")
}

func TestTheDiagonalIsTheImportanceMatrix(t *testing.T) {
	for _, version := range synth.Versions() {
		t.Run(version, func(t *testing.T) {
			o := options(t, version, 1)
			r, err := collect.Run(t.Context(), o)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "imatrix.gguf")
			_, err = imatrixcollect.Run(t.Context(), imatrixcollect.Options{Options: o.Options, Model: o.Model, Text: book, Context: 16, Output: file})
			require.NoError(t, err)
			m, err := imatrix.Read(file)
			require.NoError(t, err)
			assert.Equal(t, collect.Result{Matrices: len(m.Entries) + 1, Of: len(m.Entries) + 1, Chunks: 7, ChunkSize: 16}, r)
			f := open(t, o.Output)
			require.NoError(t, f.Finished())
			for _, e := range m.Entries {
				squares, err := f.Squares(t.Context(), e.Name)
				require.NoError(t, err)
				for i, want := range e.Squares {
					require.InDelta(t, want, squares[i], 1e-4*want, "%s, input %d", e.Name, i)
				}
			}
			assert.Equal(t, calibration.Entry{Name: "token_embd.weight", Inputs: 64, Chunks: 7, Weights: f.Entries[0].Weights}, f.Entries[0])
			assert.Len(t, f.Entries, len(m.Entries)+1)
		})
	}
}

func TestSeveralPassesGiveTheSameFile(t *testing.T) {
	o := options(t, "7", 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	little := o
	little.Output, little.Memory = filepath.Join(t.TempDir(), "little.gguf"), 3<<18
	passes := 0
	little.Progress = func(p collect.Progress) {
		passes = p.Passes
		assert.LessOrEqual(t, p.Memory, little.Memory)
	}
	_, err = collect.Run(t.Context(), little)
	require.NoError(t, err)
	assert.Greater(t, passes, 2)
	equal(t, o.Output, little.Output)

	little.Force, little.Memory = true, 1000
	var memory *collect.MemoryError
	_, err = collect.Run(t.Context(), little)
	require.ErrorAs(t, err, &memory)
	equal(t, o.Output, little.Output)
}

func TestWhatWasStoppedGoesOnToTheSameEnd(t *testing.T) {
	whole := options(t, "7", 1)
	whole.Memory = 1 << 20
	var total int64
	whole.Progress = func(p collect.Progress) { total = p.Total }
	_, err := collect.Run(t.Context(), whole)
	require.NoError(t, err)

	o := whole
	o.Output = filepath.Join(t.TempDir(), "part.gguf")
	for _, at := range []int64{16, 5 * 16, total / 2} {
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(p collect.Progress) {
			if p.Done >= at {
				cancel()
			}
		}
		_, err := collect.Run(ctx, o)
		require.ErrorIs(t, err, context.Canceled)
		var unfinished *calibration.UnfinishedError
		f := open(t, o.Output)
		require.ErrorAs(t, f.Finished(), &unfinished)
		require.NoError(t, f.Close()) // since it is replaced
		o.Resume = true
	}
	var read int64
	o.Progress = func(p collect.Progress) { read = p.Total }
	_, err = collect.Run(t.Context(), o)
	require.NoError(t, err)
	assert.Less(t, read, total)
	equal(t, whole.Output, o.Output)
	_, err = collect.Run(t.Context(), o)
	require.NoError(t, err, "there is nothing left to read")
}

// A program that is killed leaves the file as it is. Writing takes an hour on the clock of this test, so after the first time it would be due
// again after 20 hours.
func TestAKilledReadingGoesOnFromWhatWasWritten(t *testing.T) {
	o := options(t, "7", 1)
	killed := filepath.Join(t.TempDir(), "killed.gguf")
	var written []int
	o.Progress = func(p collect.Progress) {
		f, err := calibration.Open(o.Output)
		if err != nil || p.Ended {
			return
		}
		defer f.Close()
		for _, e := range f.Entries[1:] {
			require.Equal(t, f.Entries[1].Chunks, e.Chunks)
		}
		written = append(written, f.Entries[1].Chunks)
		data, err := os.ReadFile(o.Output)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(killed, data, 0o600))
	}
	hours := 0
	hourly := clock.With(t.Context(), func() time.Time {
		hours++
		return time.Time{}.Add(time.Duration(hours) * time.Hour)
	})
	_, err := collect.Run(hourly, o)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 1, 1, 1, 1}, written)

	again := o
	again.Output, again.Resume, again.Progress = killed, true, nil
	_, err = collect.Run(t.Context(), again)
	require.NoError(t, err)
	equal(t, o.Output, killed)

	o.Output, written = filepath.Join(t.TempDir(), "still.gguf"), nil
	still := clock.With(t.Context(), func() time.Time { return time.Time{} })
	_, err = collect.Run(still, o)
	require.NoError(t, err)
	assert.Empty(t, written, "within a minute nothing is written before the end")
}

// As after a kill between the beginning of a file and its first moments.
func TestAFileOfNothingGoesOn(t *testing.T) {
	o := options(t, "7", 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	whole := open(t, o.Output)
	empty := o
	empty.Output, empty.Resume = filepath.Join(t.TempDir(), "empty.gguf"), true
	d, err := calibration.NewDraft(empty.Output, false, whole.Info, whole.Entries)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = collect.Run(t.Context(), empty)
	require.NoError(t, err)
	equal(t, o.Output, empty.Output)
}

func TestAFileMustFitTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.gguf")
	require.NoError(t, collect.FitsDisk(path, 1))
	var disk *collect.DiskError
	err := collect.FitsDisk(path, 1<<60)
	require.ErrorAs(t, err, &disk)
	require.ErrorContains(t, err, path+" would take 1073741824.00 GiB, but only ")

	large := filepath.Join(t.TempDir(), "large.gguf")
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	if err := os.Truncate(large, 8<<40); err != nil {
		t.Skipf("no file of 8 TiB: %v", err)
	}
	_, err = collect.Run(t.Context(), collect.Options{In: []string{large}, Output: path})
	require.ErrorAs(t, err, &disk)
}

func TestOnlyTheSameReadingGoesOn(t *testing.T) {
	o := options(t, "7", 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	_, err = collect.Run(t.Context(), o)
	require.ErrorIs(t, err, fs.ErrExist)
	before, err := os.ReadFile(o.Output)
	require.NoError(t, err)
	for want, change := range map[string]func(o *collect.Options){
		"another text":    func(o *collect.Options) { o.Text.Data = append([]byte("Once "), o.Text.Data...) },
		"another model":   func(o *collect.Options) { o.Model = options(t, "7", 2).Model },
		"chunks of 8":     func(o *collect.Options) { o.Context = 8 },
		"more than the 3": func(o *collect.Options) { o.Chunks = 3 },
	} {
		other := o
		other.Resume = true
		change(&other)
		var resume *collect.ResumeError
		_, err := collect.Run(t.Context(), other)
		require.ErrorAs(t, err, &resume)
		require.ErrorContains(t, err, want)
	}
	after, err := os.ReadFile(o.Output)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

func TestFilesAreAddedUp(t *testing.T) {
	o := options(t, "7", 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	sum := filepath.Join(t.TempDir(), "sum.gguf")
	r, err := collect.Run(t.Context(), collect.Options{In: []string{o.Output, o.Output}, Output: sum})
	require.NoError(t, err)
	assert.Equal(t, 14, r.Chunks)
	a, b := open(t, o.Output), open(t, sum)
	assert.Equal(t, []string{"book.txt", "book.txt"}, b.Datasets)
	for _, e := range a.Entries {
		x, err := a.Moments(t.Context(), e.Name)
		require.NoError(t, err)
		y, err := b.Moments(t.Context(), e.Name)
		require.NoError(t, err)
		for i := range x {
			require.Equal(t, 2*x[i], y[i])
		}
	}
	again := options(t, "7", 2)
	_, err = collect.Run(t.Context(), again)
	require.NoError(t, err)
	_, err = collect.Run(t.Context(), collect.Options{In: []string{o.Output, again.Output}, Output: sum, Force: true})
	var model *calibration.OtherModelError
	require.ErrorAs(t, err, &model, "of the same shapes")
	foreign := options(t, "6", 1)
	_, err = collect.Run(t.Context(), foreign)
	require.NoError(t, err)
	_, err = collect.Run(t.Context(), collect.Options{In: []string{o.Output, foreign.Output}, Output: sum, Force: true})
	require.ErrorContains(t, err, "different models")
}
