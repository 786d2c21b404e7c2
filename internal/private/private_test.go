package private

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	parent, err := os.MkdirTemp("", "goose")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(parent)
	fmt.Println(Folder(filepath.Join(parent, "own")))
	// Output: <nil>
}

func TestAFolderIsMadeOnceAndTakenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own")
	require.NoError(t, Folder(path))
	require.NoError(t, os.WriteFile(filepath.Join(path, "file"), nil, 0o600))
	require.NoError(t, Folder(path))
	assert.FileExists(t, filepath.Join(path, "file"))
	assert.ErrorIs(t, Folder(filepath.Join(path, "deep", "deeper")), os.ErrNotExist)
}

func TestFoldersOfOthersAreNotTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(path string) error
		says string
	}{
		"a link to a folder of one's own": {func(path string) error {
			if err := os.Mkdir(path+"-2", 0o700); err != nil {
				return err
			}
			return os.Symlink(path+"-2", path)
		}, "a symbolic link"},
		"a file": {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "not a folder"},
		"one that others may read": {func(path string) error {
			return os.Mkdir(path, 0o755)
		}, "others may enter it (mode 755)"},
		"one of another user": {func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		}, "belongs to user 65534"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "own")
			if err := tc.make(path); err != nil {
				t.Skipf("cannot be made here: %v", err)
			}
			if runtime.GOOS == "windows" && name[0] == 'o' {
				t.Skip("no owners and modes on Windows")
			}
			err := Folder(path)
			require.ErrorIs(t, err, ErrNotPrivate)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}
