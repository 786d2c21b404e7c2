package collect_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/imatrix/collect"
	"github.com/gosling-rwkv/gosling/internal/tinytest"
)

var (
	book  = collect.Text{Name: "book.txt", Data: []byte("The goose said to the gander: let us fly away, far away, over the sea, where no fox is and no dog, and the grass is green.")}
	other = collect.Text{Name: "other.txt", Data: []byte("The gander said to the goose: why not?")}
)

// options returns options for a tiny model, in chunks of 16 tokens. It skips the test without ggml.
func options(t *testing.T, seed uint64) collect.Options {
	t.Helper()
	model, o := tinytest.Model(t, "7", seed)
	return collect.Options{Options: o, Model: model, Text: book, Context: 16, Output: filepath.Join(t.TempDir(), "out.gguf")}
}

// read returns the matrix in a file.
func read(t *testing.T, path string) *imatrix.Matrix {
	t.Helper()
	m, err := imatrix.Read(path)
	require.NoError(t, err)
	return m
}

// equal compares the matrices in two files. Sums are F32 in the file of a stopped run.
func equal(t *testing.T, want, got *imatrix.Matrix) {
	t.Helper()
	assert.Equal(t, []any{want.Datasets, want.Chunks, want.ChunkSize}, []any{got.Datasets, got.Chunks, got.ChunkSize})
	require.Len(t, got.Entries, len(want.Entries))
	for i, e := range want.Entries {
		assert.Equal(t, []any{e.Name, e.Tokens}, []any{got.Entries[i].Name, got.Entries[i].Tokens})
		assert.InEpsilonSlice(t, e.Squares, got.Entries[i].Squares, 1e-5, e.Name)
	}
}

func TestATextIsReadInChunks(t *testing.T) {
	o := options(t, 1)
	ggmltest.NoLeaks(t)
	var last collect.Progress
	o.Progress = func(p collect.Progress) {
		assert.False(t, last.Ended)
		assert.GreaterOrEqual(t, p.Done, last.Done)
		last = p
	}
	r, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	m := read(t, o.Output)
	assert.Equal(t, collect.Result{Tensors: len(m.Entries), Chunks: 7, ChunkSize: 16, Read: 7}, r)
	assert.Equal(t, collect.Progress{Done: 7 * 16, Total: 7 * 16, Chunks: 7, Of: 7, Ended: true}, last)
	assert.Equal(t, []string{"book.txt"}, m.Datasets)
	assert.Equal(t, []int{7, 16}, []int{m.Chunks, m.ChunkSize})
	weights, ok := m.Weights("output.weight")
	require.True(t, ok)
	assert.Len(t, weights, 64)
	assert.Len(t, m.Of.Model, 64)

	_, err = collect.Run(t.Context(), o)
	require.ErrorIs(t, err, fs.ErrExist)
	last, o.Force = collect.Progress{}, true
	_, err = collect.Run(t.Context(), o)
	require.NoError(t, err)
}

func TestWhatWasBegunGoesOnToTheSameEnd(t *testing.T) {
	o := options(t, 1)
	whole := o
	whole.Output = filepath.Join(t.TempDir(), "whole.gguf")
	_, err := collect.Run(t.Context(), whole)
	require.NoError(t, err)

	part := o
	part.Chunks = 3
	_, err = collect.Run(t.Context(), part)
	require.NoError(t, err)
	o.Resume = true
	for _, want := range []int{4, 0} {
		r, err := collect.Run(t.Context(), o)
		require.NoError(t, err)
		assert.Equal(t, []int{7, want}, []int{r.Chunks, r.Read})
		equal(t, read(t, whole.Output), read(t, o.Output))
	}

	gone := o
	gone.Output = filepath.Join(t.TempDir(), "new.gguf")
	r, err := collect.Run(t.Context(), gone)
	require.NoError(t, err, "there is nothing to resume")
	assert.Equal(t, 7, r.Read)
}

func TestWhatWasStoppedIsWritten(t *testing.T) {
	o := options(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(p collect.Progress) {
		if p.Chunks == 2 {
			cancel()
		}
	}
	r, err := collect.Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, r.Read)
	assert.Equal(t, 2, read(t, o.Output).Chunks)

	cancelled := o
	cancelled.Output = filepath.Join(t.TempDir(), "none.gguf")
	cancelled.Progress = nil
	r, err = collect.Run(ctx, cancelled)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, r)
	assert.NoFileExists(t, cancelled.Output)
}

func TestTheFileIsWrittenNowAndThen(t *testing.T) {
	o := options(t, 1)
	o.Context = collect.MinContext
	o.Text.Data = bytes.Repeat(o.Text.Data, 2) // 61 chunks
	held := map[int]int{}
	o.Progress = func(p collect.Progress) {
		if m, err := imatrix.Read(o.Output); err == nil {
			held[m.Chunks] = p.Chunks
		}
	}
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, map[int]int{50: 61}, held, "the file of 50 chunks is there until all are read")
}

func TestWhatIsOfAnotherModelTextOrLengthIsNotGoneOnWith(t *testing.T) {
	o := options(t, 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)
	o.Resume = true
	long := o.Text.Data
	for name, tc := range map[string]struct {
		change func(*collect.Options)
		want   string
		named  bool
	}{
		"another text":                  {func(o *collect.Options) { o.Text = other }, "was made from book.txt, not from other.txt", true},
		"another length":                {func(o *collect.Options) { o.Context = 8 }, "has 7 chunks of 16 tokens and cannot be resumed with chunks of 8", true},
		"another text of the same name": {func(o *collect.Options) { o.Text.Data = append([]byte("Once: "), long...) }, "was begun with another text of the same name", false},
		"another model": {func(o *collect.Options) {
			o.Model, o.Name = options(t, 2).Model, "seven.gguf"
		}, "was begun with another model than seven.gguf", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			tc.change(&o)
			_, err := collect.Run(t.Context(), o)
			var resume *collect.ResumeError
			require.ErrorAs(t, err, &resume)
			require.ErrorContains(t, err, o.Output+": "+tc.want)
			assert.Equal(t, tc.named, resume.Named)
		})
	}

	m := read(t, o.Output)
	m.Of = imatrix.Origin{}
	require.NoError(t, m.Write(o.Output, true))
	_, err = collect.Run(t.Context(), o)
	require.ErrorContains(t, err, "does not name its model")
}

func TestMatricesOfSeveralTextsAreAddedUp(t *testing.T) {
	o := options(t, 1)
	_, err := collect.Run(t.Context(), o)
	require.NoError(t, err)

	both := collect.Options{In: []string{o.Output, o.Output}, Output: filepath.Join(t.TempDir(), "both.gguf")}
	r, err := collect.Run(t.Context(), both)
	require.NoError(t, err)
	assert.Equal(t, []int{14, 16, 0}, []int{r.Chunks, r.ChunkSize, r.Read})
	one, two := read(t, o.Output), read(t, both.Output)
	assert.Equal(t, 2*one.Entries[0].Tokens, two.Entries[0].Tokens)
	assert.Equal(t, []string{"book.txt", "book.txt"}, two.Datasets)

	more := o
	more.In, more.Text, more.Output = []string{o.Output}, other, filepath.Join(t.TempDir(), "more.gguf")
	r, err = collect.Run(t.Context(), more)
	require.NoError(t, err)
	assert.Equal(t, []int{9, 2}, []int{r.Chunks, r.Read})
	assert.Equal(t, []string{"book.txt", "other.txt"}, read(t, more.Output).Datasets)

	more.Context, more.Force = 8, true
	_, err = collect.Run(t.Context(), more)
	var length *collect.ContextError
	require.ErrorAs(t, err, &length)
	assert.Equal(t, collect.ContextError{Context: 8, In: 16}, *length)

	both.Force, both.In = true, []string{o.Output, o.Model}
	_, err = collect.Run(t.Context(), both)
	require.ErrorContains(t, err, o.Model+`: general.type is "model"`)
}

func TestWhatCannotBeCollectedIsRefusedAtOnce(t *testing.T) {
	o := options(t, 1)
	for name, tc := range map[string]struct {
		change func(*collect.Options)
		want   string
	}{
		"an empty text":  {func(o *collect.Options) { o.Text.Data = nil }, "book.txt: the text is empty"},
		"a short text":   {func(o *collect.Options) { o.Context = 0 }, "book.txt: the text has 122 tokens, at least 1024 are needed"},
		"no such folder": {func(o *collect.Options) { o.Output = filepath.Join(o.Model, "no.gguf") }, "no.gguf"},
		"no such model":  {func(o *collect.Options) { o.Model += ".gone" }, "m.gguf.gone"},
		"no such matrix": {func(o *collect.Options) { o.In = []string{o.Model + ".gone"} }, "m.gguf.gone"},
		"no library":     {func(o *collect.Options) { o.Libraries = t.TempDir() }, "holds no ggml libraries"},
		"a short length": {func(o *collect.Options) { o.Context = 2 }, "book.txt: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			tc.change(&o)
			_, err := collect.Run(t.Context(), o)
			require.ErrorContains(t, err, tc.want)
			assert.NoFileExists(t, o.Output)
		})
	}
	o.Context = 0
	_, err := collect.Run(t.Context(), o)
	var short *collect.ShortError
	require.ErrorAs(t, err, &short)
}

func TestWhatCannotBeWrittenIsKept(t *testing.T) {
	o := options(t, 1)
	t.Setenv("TMPDIR", t.TempDir())
	folder := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(folder, 0o700))
	o.Output = filepath.Join(folder, "out.gguf")
	o.Progress = func(p collect.Progress) {
		if p.Ended {
			require.NoError(t, os.RemoveAll(folder))
		}
	}
	_, err := collect.Run(t.Context(), o)
	var unwritten *collect.UnwrittenError
	require.ErrorAs(t, err, &unwritten)
	assert.Equal(t, 7, read(t, unwritten.Kept).Chunks)
	assert.True(t, strings.HasSuffix(unwritten.Kept, ".gguf"))
	require.Error(t, errors.Unwrap(unwritten))
	require.NoError(t, os.RemoveAll(filepath.Dir(unwritten.Kept)))
}
