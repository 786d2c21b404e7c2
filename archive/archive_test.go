package archive_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/archive"
)

// A document belongs to a tenant.
func Example() {
	a, err := archive.Open(archive.Options{})
	if err != nil {
		panic(err)
	}
	defer a.Close()
	if err := a.Put("alice", "1", []byte("Honk")); err != nil {
		panic(err)
	}
	document, err := a.Get("alice", "1")
	fmt.Println(string(document), err)
	_, err = a.Get("bob", "1")
	fmt.Println(err)
	// Output:
	// Honk <nil>
	// "1": no document has this id
}

// clock is a time that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func open(t *testing.T, o archive.Options) *archive.Archive {
	t.Helper()
	a, err := archive.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

func TestADocumentIsKeptForItsTime(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "new", "kept")} {
		c := &clock{time.Unix(1790000000, 0)}
		o := archive.Options{Life: time.Hour, Now: c.Now, Dir: dir}
		a := open(t, o)
		require.NoError(t, a.Put("alice", "1", []byte("Honk")))
		c.now = c.now.Add(time.Hour - 1)
		document, err := a.Get("alice", "1")
		require.NoError(t, err)
		assert.Equal(t, "Honk", string(document))
		c.now = c.now.Add(1)
		_, err = a.Get("alice", "1")
		assert.ErrorIs(t, err, archive.ErrNone)
		assert.ErrorIs(t, a.Delete("alice", "1"), archive.ErrNone)
		require.NoError(t, a.Put("alice", "2", []byte("Honk")))
		if dir != "" {
			files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
			require.NoError(t, err)
			assert.Len(t, files, 1, "the document is gone from the disk")
			c.now = c.now.Add(time.Minute)
			require.NoError(t, a.Close())
			a = open(t, o)
			c.now = c.now.Add(time.Hour - time.Minute - 1)
			_, err = a.Get("alice", "2")
			require.NoError(t, err, "it has the time of its file")
			c.now = c.now.Add(1)
			_, err = a.Get("alice", "2")
			assert.ErrorIs(t, err, archive.ErrNone)
		}
	}
}

// TestAnArchiveIsAMap compares archives to a map, with and without a folder, over several openings of the folder.
func TestAnArchiveIsAMap(t *testing.T) {
	dir := t.TempDir()
	inMemory, onDisk := open(t, archive.Options{}), open(t, archive.Options{Dir: dir})
	random := rand.New(rand.NewPCG(1, 2))
	want := map[[2]string]string{}
	for step := range 200 {
		key := [2]string{[]string{"alice", "bob", "a\x00b"}[random.IntN(3)], fmt.Sprint(random.IntN(8))}
		switch random.IntN(4) {
		case 0, 1:
			want[key] = strings.Repeat("x", random.IntN(2000))
			require.NoError(t, inMemory.Put(key[0], key[1], []byte(want[key])))
			require.NoError(t, onDisk.Put(key[0], key[1], []byte(want[key])))
		case 2:
			_, there := want[key]
			assert.Equal(t, there, inMemory.Delete(key[0], key[1]) == nil)
			assert.Equal(t, there, onDisk.Delete(key[0], key[1]) == nil)
			delete(want, key)
		}
		if step%50 == 49 {
			require.NoError(t, onDisk.Close())
			onDisk = open(t, archive.Options{Dir: dir})
		}
		for _, key := range slices.Collect(maps.Keys(want)) {
			for _, a := range []*archive.Archive{inMemory, onDisk} {
				document, err := a.Get(key[0], key[1])
				require.NoError(t, err)
				require.Equal(t, want[key], string(document))
			}
		}
	}
}

func TestWhoeverKeepsTheMostLosesTheOldest(t *testing.T) {
	a := open(t, archive.Options{Bytes: 10_000, Dir: t.TempDir()})
	there := func(tenant, id string) bool { _, err := a.Get(tenant, id); return err == nil }
	require.NoError(t, a.Put("bob", "1", make([]byte, 1000)))
	for i := range 12 {
		require.NoError(t, a.Put("alice", fmt.Sprint(i), make([]byte, 1000)))
	}
	assert.True(t, there("bob", "1"))
	assert.False(t, there("alice", "5"))
	assert.True(t, there("alice", "6"))
	assert.True(t, there("alice", "11"))
	assert.ErrorIs(t, a.Put("alice", "12", make([]byte, 10_000)), archive.ErrLarge)
	assert.True(t, there("alice", "11"), "a document that is too large pushes out nothing")
}

func TestAFolderThatCannotBeUsedIsAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	a := open(t, archive.Options{Dir: dir})
	_, err := archive.Open(archive.Options{Dir: dir})
	assert.ErrorContains(t, err, "another program uses it")
	require.NoError(t, a.Put("alice", "1", []byte("Honk")))
	files, err := filepath.Glob(filepath.Join(dir, "*", "1"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	if runtime.GOOS != "windows" {
		for _, file := range []string{dir, filepath.Dir(files[0]), files[0]} {
			info, err := os.Stat(file)
			require.NoError(t, err)
			assert.Zero(t, info.Mode().Perm()&0o077, "only the user reads what people wrote")
		}
	}
	for _, id := range []string{"", "../1", "a/b", strings.Repeat("a", 65)} {
		assert.ErrorContains(t, a.Put("alice", id, nil), "not an id")
		_, err := a.Get("alice", id)
		assert.ErrorIs(t, err, archive.ErrNone)
	}
	require.NoError(t, os.WriteFile(files[0], []byte("Hon"), 0o600))
	_, err = a.Get("alice", "1")
	assert.ErrorIs(t, err, archive.ErrStorage, "it was cut")
	require.NoError(t, os.Remove(files[0]))
	_, err = a.Get("alice", "1")
	assert.ErrorIs(t, err, archive.ErrStorage)
	assert.NotContains(t, err.Error(), dir)

	require.NoError(t, os.WriteFile(files[0]+"2.partial", []byte("Ho"), 0o600))
	require.NoError(t, a.Close())
	assert.ErrorIs(t, a.Put("alice", "2", nil), archive.ErrStorage)
	open(t, archive.Options{Dir: dir})
	files, err = filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	assert.Empty(t, files, "what was not finished is removed")
	_, err = archive.Open(archive.Options{Dir: filepath.Join(dir, "lock")})
	assert.Error(t, err)
}
