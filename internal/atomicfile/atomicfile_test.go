package atomicfile

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write creates a file with the package and returns the first error.
func write(path, text string, o Options) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write([]byte(text)); err != nil {
		return err
	}
	return f.Commit()
}

// names lists the files in a folder.
func names(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return s
}

func content(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func TestNothingIsThereBeforeCommitAndAllAfterwards(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	f, err := Create(path, Options{})
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("goose"), 0)
	require.NoError(t, err)
	require.NoFileExists(t, path)
	require.Len(t, names(t, dir), 1)
	assert.True(t, strings.HasPrefix(names(t, dir)[0], "m.gguf.partial-"))

	require.NoError(t, f.Commit())
	assert.NoError(t, f.Close())
	assert.NoError(t, f.Close())
	assert.Equal(t, []string{"m.gguf"}, names(t, dir))
	assert.Equal(t, "goose", content(t, path))
	assert.ErrorIs(t, f.Commit(), fs.ErrClosed)
}

func TestCloseWithoutCommitLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	require.NoError(t, write(path, "old", Options{}))
	f, err := Create(path, Options{Force: true})
	require.NoError(t, err)
	_, err = f.Write([]byte("new"))
	require.NoError(t, err)
	assert.Equal(t, "old", content(t, path))
	assert.NoError(t, f.Close())
	assert.NoError(t, f.Close())
	assert.ErrorIs(t, f.Commit(), fs.ErrClosed)
	assert.Equal(t, []string{"m.gguf"}, names(t, dir))
	assert.Equal(t, "old", content(t, path))
}

func TestAFileThatIsThereIsReplacedByForceOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, write(path, "old", Options{}))
	_, err := Create(path, Options{})
	require.ErrorIs(t, err, fs.ErrExist)
	assert.EqualError(t, err, path+" exists")
	assert.Equal(t, "old", content(t, path))
	require.NoError(t, write(path, "new", Options{Force: true}))
	assert.Equal(t, "new", content(t, path))
}

func TestAFileThatAppearsMeanwhileIsKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	f, err := Create(path, Options{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o666))
	require.ErrorIs(t, f.Commit(), fs.ErrExist)
	require.NoError(t, f.Close())
	assert.Equal(t, "another", content(t, path))
	assert.Equal(t, []string{"m.gguf"}, names(t, dir))
}

func TestASymbolicLinkStaysOne(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link, path := filepath.Join(dir, "m.gguf"), filepath.Join(other, "real.gguf")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Skip("symbolic links are said to be made, and are not (Wine 8): ", err)
	}
	require.ErrorIs(t, write(link, "new", Options{}), fs.ErrExist)
	require.NoError(t, write(link, "new", Options{Force: true}))
	assert.Equal(t, "new", content(t, path))
	to, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, path, to)
	assert.Equal(t, []string{"real.gguf"}, names(t, other))
}

func TestTargetsThatAreNoFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	nowhere := filepath.Join(dir, "nowhere")
	if err := os.Symlink(filepath.Join(dir, "missing"), nowhere); err != nil {
		t.Skip(err)
	}
	socket := filepath.Join(dir, "socket") // not a device, because a broken package would replace it
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	for name, tc := range map[string]struct{ path, want string }{
		"a folder":                     {dir, "is a folder: name a file in it"},
		"a link that leads nowhere":    {nowhere, "is a symbolic link that leads nowhere"},
		"a socket":                     {socket, "is not a regular file"},
		"a file in a folder not there": {filepath.Join(dir, "no", "m.gguf"), "cannot create a file in " + filepath.Join(dir, "no")},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, write(tc.path, "new", Options{Force: true}), tc.want)
		})
	}
	assert.Equal(t, []string{"nowhere", "socket"}, names(t, dir))
}

func TestAFolderThatMayNotBeWrittenIsNamed(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write everywhere")
	}
	err := write(filepath.Join(dir, "m.gguf"), "new", Options{})
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.ErrorContains(t, err, "cannot create a file in "+dir)
}

func TestPermissionsAreAnyNewFilesOrTheOldOnes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	dir := t.TempDir()
	usual, path := filepath.Join(dir, "usual"), filepath.Join(dir, "m.gguf")
	require.NoError(t, os.WriteFile(usual, nil, 0o666))
	want, err := os.Stat(usual)
	require.NoError(t, err)

	require.NoError(t, write(path, "new", Options{}))
	got, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, want.Mode(), got.Mode())

	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, write(path, "newer", Options{Force: true}))
	got, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), got.Mode())
}

func TestALongNameIsNoHindrance(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("m", 250)+".gguf")
	require.NoError(t, write(path, "new", Options{}))
	assert.Equal(t, "new", content(t, path))
}

func TestStandardOutputIsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Create("-", Options{Force: true})
	require.ErrorContains(t, err, "cannot be written to standard output")
	f, err := Create("./-", Options{})
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Commit())
	assert.FileExists(t, "-")
}

func TestWhatAKilledProgramLeftIsRemovedAndWhatIsInUseIsNot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "goose")
	left, other, note := path+".partial-123", filepath.Join(dir, "gander.partial-123"), path+".partial-note"
	for _, p := range []string{left, other, note} {
		require.NoError(t, os.WriteFile(p, []byte("half"), 0o600))
	}
	first, err := Create(path, Options{})
	require.NoError(t, err)
	defer first.Close()
	second, err := Create(path, Options{})
	require.NoError(t, err)
	require.NoError(t, second.Close())
	assert.NoFileExists(t, left)
	assert.FileExists(t, other, "of another target")
	assert.FileExists(t, note, "of somebody else")
	assert.FileExists(t, first.Name(), "being written")
	require.NoError(t, first.Commit())
	assert.FileExists(t, path)
}
