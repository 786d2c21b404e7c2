package mmap

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

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

func TestTheMappingAndReadAtGiveTheSameBytes(t *testing.T) {
	want := make([]byte, 3*os.Getpagesize()+17)
	for i := range want {
		want[i] = byte(i * 7)
	}
	m, err := Open(save(t, want))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, m.Bytes()))
	got := make([]byte, len(want)-5)
	n, err := m.ReadAt(got, 5)
	require.NoError(t, err)
	assert.Equal(t, len(got), n)
	assert.True(t, bytes.Equal(want[5:], got))
	_, err = m.ReadAt(got, 6)
	assert.Equal(t, io.EOF, err, "beyond the end of a file that is whole")
	assert.NoError(t, m.Changed())
	assert.NoError(t, m.Close())
	assert.NoError(t, m.Close())
	assert.Empty(t, m.Bytes())
}

func TestAFileThatIsCutShortGivesAnErrorThatNamesIt(t *testing.T) {
	path := save(t, make([]byte, 3*os.Getpagesize()))
	m, err := Open(path)
	require.NoError(t, err)
	defer m.Close()
	if err := os.Truncate(path, 10); err != nil {
		t.Skip("a mapped file cannot be cut short here: ", err)
	}
	_, err = m.ReadAt(make([]byte, 100), 5)
	require.ErrorIs(t, err, ErrChanged)
	require.ErrorContains(t, err, path+": the file has changed since it was opened: it ends at byte 10")
	require.ErrorIs(t, m.Changed(), ErrChanged)
	require.ErrorContains(t, m.Changed(), "has 10 bytes now")
}

func TestTouchingWhatWasCutOffIsAnErrorInsideView(t *testing.T) {
	path := save(t, make([]byte, 3*os.Getpagesize()))
	m, err := Open(path)
	require.NoError(t, err)
	defer m.Close()
	sum := 0
	read := func(b []byte) {
		for _, x := range b {
			sum += int(x)
		}
	}
	require.NoError(t, m.View(read))
	if err := os.Truncate(path, 0); err != nil {
		t.Skip("a mapped file cannot be cut short here: ", err)
	}
	require.ErrorIs(t, m.View(read), ErrChanged)
	require.ErrorContains(t, m.View(func(b []byte) { copy(make([]byte, len(b)), b) }), path+": the file has changed")
	require.Panics(t, func() { _ = m.View(func([]byte) { panic("another") }) }, "other panics go on")
	require.Panics(t, func() {
		_ = m.View(func(b []byte) { sum = int(b[len(b):][0]) })
	}, "so do errors in the code that reads")
}

func TestAFileThatIsWrittenToHasChangedAndOneThatIsReplacedHasNot(t *testing.T) {
	path := save(t, []byte("honk"))
	m, err := Open(path)
	require.NoError(t, err)
	defer m.Close()
	other := save(t, []byte("hiss"))
	if err := os.Rename(other, path); err != nil {
		t.Skip("an open file cannot be replaced here: ", err)
	}
	require.NoError(t, m.Changed())
	require.Equal(t, "honk", string(m.Bytes()))
	again, err := Open(path)
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
	require.ErrorIs(t, again.Changed(), ErrChanged)
}

func TestAnEmptyFileHasNoBytes(t *testing.T) {
	m, err := Open(save(t, nil))
	require.NoError(t, err)
	assert.Empty(t, m.Bytes())
	assert.NoError(t, m.Close())
}

func TestWhatIsNoRegularFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	assert.EqualError(t, err, dir+": is a folder, want a file")
	_, err = Open(filepath.Join(dir, "missing"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	if runtime.GOOS != "windows" {
		_, err = Open(os.DevNull)
		assert.ErrorContains(t, err, "is a device, want a file: it is read at random offsets, so write its content to a file first")
	}
}
