package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	f, err := os.CreateTemp("", "goose")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fmt.Println(Try(f))
	fmt.Println(Held(f.Name()))
	// Output:
	// true <nil>
	// true
}

func TestALockEndsWithTheFileThatHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("honk"), 0o600))
	require.False(t, Held(path))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	ok, err := Try(f)
	require.NoError(t, err)
	require.True(t, ok)
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer other.Close()
	ok, err = Try(other)
	require.NoError(t, err)
	require.False(t, ok)
	require.True(t, Held(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "honk", string(data), "others may read it")
	require.NoError(t, f.Close())
	require.False(t, Held(path))
	ok, err = Try(other)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, Held(filepath.Join(t.TempDir(), "missing")))
}

func TestWaitingForALockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks", "goose.lock")
	first, err := Wait(t.Context(), path, func() { t.Error("nobody holds it") })
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	waited := false
	_, err = Wait(ctx, path, func() { waited = true; stop() })
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, waited)
	done := make(chan *File)
	go func() {
		second, err := Wait(t.Context(), path, nil)
		assert.NoError(t, err)
		done <- second
	}()
	require.NoError(t, first.Remove())
	second := <-done
	assert.FileExists(t, path, "the second made it again")
	require.NoError(t, second.Close())
	assert.FileExists(t, path)

	dangling := filepath.Join(t.TempDir(), "dangling")
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "no", "such"), dangling))
	_, err = Wait(t.Context(), dangling, nil)
	require.Error(t, err)
}
