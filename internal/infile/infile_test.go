package infile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

var text = infile.Limit{Bytes: 1 << 20, What: "a text"}

func Example() {
	_, err := infile.Limit{Bytes: 1 << 10, What: "a text"}.All("tale.txt", strings.NewReader(strings.Repeat("goose ", 1000)))
	fmt.Println(err)
	// Output: tale.txt: larger than 1 KiB, the limit for a text
}

func save(t *testing.T, data []byte) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// counter counts the bytes read from it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// zeros is an endless stream of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAllIsReadUpToTheLimit(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 100_000, 1<<20 - 1, 1 << 20} {
		want := bytes.Repeat([]byte("goose"), 1+size/5)[:size]
		got, err := text.All("x", &counter{r: bytes.NewReader(want)})
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), size)
		got, err = text.Read(t.Context(), save(t, want))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), size)
	}
}

func TestNoMoreIsReadThanTheLimit(t *testing.T) {
	const want = "x: larger than 1 MiB, the limit for a text"
	endless := &counter{r: zeros{}}
	_, err := text.All("x", endless)
	require.EqualError(t, err, want)
	assert.Equal(t, text.Bytes+1, endless.n)
	_, err = text.All("x", bytes.NewReader(make([]byte, 1<<20+1)))
	require.EqualError(t, err, want)

	f, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(64<<20))
	_, err = text.Read(t.Context(), f.Name())
	require.EqualError(t, err, f.Name()+strings.TrimPrefix(want, "x"))
	_, err = text.File(f.Name())
	require.Error(t, err)
	_, err = text.All("x", f)
	require.EqualError(t, err, want)
	at, err := f.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	assert.Zero(t, at, "nothing is read of a file that is known to be too large")
	_, err = f.Seek(64<<20-10, io.SeekStart)
	require.NoError(t, err)
	rest, err := text.All("x", f)
	require.NoError(t, err)
	assert.Len(t, rest, 10, "what was read before does not count")
}

func TestErrorsOfAReaderAreItsOwn(t *testing.T) {
	broken := errors.New("broken")
	_, err := text.All("x", io.MultiReader(strings.NewReader("abc"), iotestError{broken}))
	require.ErrorIs(t, err, broken)
}

type iotestError struct{ err error }

func (e iotestError) Read([]byte) (int, error) { return 0, e.err }

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, open := range map[string]func(string) error{
		"Open":   func(path string) error { _, err := infile.Open(path); return err },
		"Head":   func(path string) error { _, _, err := infile.Head(path, 4); return err },
		"File":   func(path string) error { _, err := text.File(path); return err },
		"Read":   func(path string) error { _, err := text.Read(t.Context(), path); return err },
		"Stream": func(path string) error { _, err := infile.Stream(t.Context(), path); return err },
	} {
		require.EqualError(t, open(dir), dir+": is a folder, want a file")
		require.ErrorIs(t, open(filepath.Join(dir, "missing")), fs.ErrNotExist)
	}
	require.ErrorIs(t, infile.Regular(filepath.Join(dir, "missing")), fs.ErrNotExist)
	_, err := infile.Open(os.DevNull)
	require.EqualError(t, err, os.DevNull+": is a device, want a file: it is read at random offsets, so write its content to a file first")
}

func TestTheNullDeviceIsEmpty(t *testing.T) {
	got, err := text.Read(t.Context(), os.DevNull)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestHeadIsTheBeginning(t *testing.T) {
	head, size, err := infile.Head(save(t, []byte("a goose")), 4)
	require.NoError(t, err)
	assert.Equal(t, "a go", string(head))
	assert.EqualValues(t, 7, size)
	head, _, err = infile.Head(save(t, []byte("a")), 4)
	require.NoError(t, err)
	assert.Equal(t, "a", string(head))
}
