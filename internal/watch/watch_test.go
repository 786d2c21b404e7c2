package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path, now := filepath.Join(dir, "keys"), time.Now()
	files := New(path)
	fmt.Println(files.Changed(now))
	if err := os.WriteFile(path, []byte("a"), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(files.Changed(now.Add(time.Second)), files.Changed(now.Add(2*time.Second)))
	// Output:
	// false
	// true false
}

func TestEveryChangeIsToldOnce(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write(one, "1")
	write(two, "2")
	files := New(one, two)
	changed := func() bool {
		now = now.Add(often)
		return files.Changed(now)
	}
	assert.False(t, changed())
	for name, change := range map[string]func(){
		"another size": func() { write(two, "longer") },
		"another time": func() { require.NoError(t, os.Chtimes(two, now, now.Add(-time.Hour))) },
		"another file of the same size and time": func() {
			info, err := os.Stat(two)
			require.NoError(t, err)
			write(two+".new", string(make([]byte, info.Size())))
			require.NoError(t, os.Chtimes(two+".new", info.ModTime(), info.ModTime()))
			require.NoError(t, os.Rename(two+".new", two))
		},
		"a file that is gone and one that comes": func() {
			require.NoError(t, os.Remove(one))
			assert.True(t, changed())
			write(one, "again")
		},
	} {
		change()
		assert.False(t, files.Changed(now), "it has just looked")
		assert.True(t, changed(), name)
		assert.False(t, changed(), name)
	}
}
