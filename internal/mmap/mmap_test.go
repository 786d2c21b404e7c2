package mmap

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	m, err := Open("testdata/goose.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("%s", m.Bytes())
	// Output: honk
}

func save(t *testing.T, b []byte) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, b, 0o666))
	return path
}

func TestAllBytesAreThereAndComeBackAfterDontNeed(t *testing.T) {
	want := make([]byte, 3*os.Getpagesize()+17)
	for i := range want {
		want[i] = byte(i * 7)
	}
	m, err := Open(save(t, want))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, m.Bytes()))
	for _, r := range [][2]int64{{0, int64(len(want))}, {5, 1}, {int64(len(want)) - 1, 1}, {int64(len(want)), 0}} {
		m.DontNeed(r[0], r[1])
		require.True(t, bytes.Equal(want, m.Bytes()))
	}
	assert.NoError(t, m.Close())
	assert.NoError(t, m.Close())
	assert.Empty(t, m.Bytes())
}

func TestDontNeedOutsideTheFileDoesNothing(t *testing.T) {
	m, err := Open(save(t, []byte("honk")))
	require.NoError(t, err)
	for _, r := range [][2]int64{{-1, 2}, {0, -1}, {0, 5}, {1 << 62, 1 << 62}, {4, 1}} {
		m.DontNeed(r[0], r[1])
	}
	assert.Equal(t, "honk", string(m.Bytes()))
	require.NoError(t, m.Close())
	m.DontNeed(0, 4)
}

func TestAnEmptyFileHasNoBytes(t *testing.T) {
	m, err := Open(save(t, nil))
	require.NoError(t, err)
	assert.Empty(t, m.Bytes())
	m.DontNeed(0, 0)
	assert.NoError(t, m.Close())
}

func TestWhatIsNoRegularFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	assert.EqualError(t, err, dir+" is no regular file, which it must be to be mapped into memory")
	_, err = Open(filepath.Join(dir, "missing"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	if runtime.GOOS != "windows" {
		_, err = Open(os.DevNull)
		assert.ErrorContains(t, err, "is no regular file")
	}
}
