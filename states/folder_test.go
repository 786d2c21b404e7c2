package states_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/gosling-rwkv/gosling/states"
)

// in are the options of a store in a folder whose log is written to a buffer.
func in(dir string) (states.NamesOptions, *bytes.Buffer) {
	var log bytes.Buffer
	return states.NamesOptions{Model: "goose", Layout: layout(1), Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}, &log
}

// files lists what is below a folder, without the index and the lock.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "names.db" && d.Name() != "lock" {
			name, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	}))
	return all
}

// theBody is the path of the only body in a folder.
func theBody(t *testing.T, dir string) string {
	t.Helper()
	all := files(t, filepath.Join(dir, "bodies"))
	require.Len(t, all, 1)
	return filepath.Join(dir, "bodies", all[0])
}

func TestStatesOutliveTheProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "states")
	o, log := in(dir)
	names := open(t, o)
	first := give(t, names, "ann", "support", same(10, 1))
	fork, err := names.Fork("ann", "support", "copy", time.Hour)
	require.NoError(t, err)
	id := give(t, names, "b\x00b", "", same(20, 2))
	give(t, names, "ann", "gone", same(30, 3))
	require.NoError(t, names.Delete("ann", "gone"))
	give(t, names, "ann", "replaced", same(40, 4))
	replaced := give(t, names, "ann", "replaced", same(50, 5))
	assert.Len(t, files(t, dir), 3, "a fork has no file of its own")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(theFirst(t, dir))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "states are what people wrote")
	}
	require.NoError(t, names.Close())

	names = open(t, o)
	assert.Equal(t, []states.Named{fork, replaced, first}, names.List("ann"))
	assert.Equal(t, []states.Named{id}, names.List("b\x00b"))
	assert.Equal(t, states.NamesStats{Names: 4, Bytes: 3 * kept}, names.Stats(), "nothing is read before it is used")
	assert.EqualValues(t, 1, holds(t, names, "ann", "copy"))
	assert.EqualValues(t, 5, holds(t, names, "ann", "replaced"))
	assert.EqualValues(t, 2, holds(t, names, "b\x00b", id.Name))
	assert.EqualValues(t, 3*kept, names.Stats().Memory)
	s, err := names.Hold("ann", "support")
	require.NoError(t, err)
	assert.Equal(t, first.ID, s.ID(), "so that checkpoints of texts that begin with it are found again")
	assert.EqualValues(t, 10, s.Snapshot().Tokens)
	s.Release()
	require.NoError(t, names.Delete("ann", "support"))
	assert.Len(t, files(t, dir), 3)
	require.NoError(t, names.Delete("ann", "copy"))
	assert.Len(t, files(t, dir), 2, "the last name takes the file with it")
	assert.Empty(t, log.String())
}

func theFirst(t *testing.T, dir string) string { return filepath.Join(dir, files(t, dir)[0]) }

func TestStatesExpireWhileNoProgramRuns(t *testing.T) {
	o, _ := in(t.TempDir())
	names := open(t, o)
	s := same(1, 1)
	_, err := names.Put("ann", "short", s, time.Nanosecond)
	require.NoError(t, err)
	give(t, names, "ann", "long", s)
	require.NoError(t, names.Close())
	names = open(t, o)
	_, err = names.Hold("ann", "short")
	require.ErrorIs(t, err, states.ErrNoState)
	assert.EqualValues(t, 1, holds(t, names, "ann", "long"))
}

func TestOnlySomeStatesAreInMemory(t *testing.T) {
	o, _ := in(t.TempDir())
	o.Memory = 2*kept + 1
	names := open(t, o)
	for i := range 5 {
		give(t, names, "", fmt.Sprint("n", i), same(int64(i), float32(i)))
		assert.LessOrEqual(t, names.Stats().Memory, o.Memory)
	}
	held, err := names.Hold("", "n0")
	require.NoError(t, err)
	for round := range 20 {
		assert.EqualValues(t, round%5, holds(t, names, "", fmt.Sprint("n", round%5)))
		assert.LessOrEqual(t, names.Stats().Memory, o.Memory)
	}
	assert.EqualValues(t, 0, held.Snapshot().State[1][7], "its memory is not used for another state")
	held.Release()

	// n4 was used last. Its file is not read again.
	names.Wrap(func(op, name string) error { return fmt.Errorf("%s %s", op, name) })
	assert.EqualValues(t, 4, holds(t, names, "", "n4"))
	_, err = names.Hold("", "n1")
	require.ErrorIs(t, err, states.ErrStorage)
}

func TestAFolderIsUsedByOneProgram(t *testing.T) {
	o, _ := in(t.TempDir())
	names := open(t, o)
	_, err := states.OpenNames(o)
	require.EqualError(t, err, "the folder of states "+o.Dir+": another program uses it: stop that program, or use another folder")
	require.NoError(t, names.Close())
	require.NoError(t, open(t, o).Close())
}

func TestStatesOfOtherModelsStay(t *testing.T) {
	o, log := in(t.TempDir())
	names := open(t, o)
	give(t, names, "ann", "a", same(1, 1))
	require.NoError(t, names.Close())

	other := o
	other.Model, other.Layout = "swan", layout(2)
	names = open(t, other)
	_, err := names.Hold("ann", "a")
	require.ErrorIs(t, err, states.ErrOtherModel)
	assert.EqualError(t, err, `"a" was made by "goose" with other weights, this is "swan": a state fits one model file only`)
	n, err := names.Find("ann", "a")
	require.NoError(t, err)
	assert.Equal(t, "goose", n.Model)
	_, err = names.Fork("ann", "a", "b", 0)
	require.NoError(t, err)
	give(t, names, "ann", "c", same(2, 2))
	require.NoError(t, names.Close())

	names = open(t, o)
	assert.EqualValues(t, 1, holds(t, names, "ann", "b"))
	_, err = names.Hold("ann", "c")
	require.ErrorIs(t, err, states.ErrOtherModel)
	assert.Empty(t, log.String())
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	change := func(at func(size int) int) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			data[at(len(data))] ^= 1
			require.NoError(t, os.WriteFile(path, data, 0o600))
		}
	}
	for name, tc := range map[string]struct {
		damage func(t *testing.T, path string)
		reason string
		lost   bool // nothing is left to be set aside
	}{
		"a number":      {change(func(int) int { return 500 }), "checksum", false},
		"the sum":       {change(func(size int) int { return size - 1 }), "checksum", false},
		"the tokens":    {change(func(int) int { return 72 }), "checksum", false},
		"another model": {change(func(int) int { return 41 }), "other weights", false},
		"cut short":     {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 1000)) }, "it has 1000 bytes", false},
		"empty":         {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, "it has 0 bytes", false},
		"huge":          {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 1<<40)) }, "it has 1099511627776 bytes", false},
		"another state's": {func(t *testing.T, path string) {
			o, _ := in(t.TempDir())
			give(t, open(t, o), "", "a", same(77, 7))
			require.NoError(t, os.Rename(theBody(t, o.Dir), path))
		}, "it has read 77 tokens, want 10", false},
		"a folder": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "not a regular file", false},
		"removed": {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, "no such file", true},
	} {
		t.Run(name, func(t *testing.T) {
			o, log := in(t.TempDir())
			names := open(t, o)
			give(t, names, "ann", "a", same(10, 1))
			_, err := names.Fork("ann", "a", "b", 0)
			require.NoError(t, err)
			require.NoError(t, names.Close())
			names = open(t, o)
			tc.damage(t, theBody(t, o.Dir))

			_, err = names.Hold("ann", "b")
			require.EqualError(t, err, `"b": the state's file is damaged and was set aside: make the state again`)
			require.ErrorIs(t, err, states.ErrDamaged)
			if runtime.GOOS != "windows" || tc.reason != "no such file" {
				assert.Contains(t, log.String(), tc.reason)
			}
			_, err = names.Hold("ann", "a")
			require.ErrorIs(t, err, states.ErrNoState)
			assert.Empty(t, names.List("ann"))
			assert.Equal(t, states.NamesStats{}, names.Stats())
			if !tc.lost {
				aside, err := os.ReadDir(filepath.Join(o.Dir, "bad"))
				require.NoError(t, err)
				assert.Len(t, aside, 1)
			}
			give(t, names, "ann", "a", same(10, 5))
			require.NoError(t, names.Close())
			names = open(t, o)
			assert.EqualValues(t, 5, holds(t, names, "ann", "a"))
		})
	}
}

func TestWhatAKilledProgramLeaves(t *testing.T) {
	o, log := in(t.TempDir())
	names := open(t, o)
	give(t, names, "ann", "a", same(1, 1))
	give(t, names, "ann", "b", same(2, 2))
	require.NoError(t, names.Close())
	data, err := os.ReadFile(theFirst(t, o.Dir))
	require.NoError(t, err)
	id := strings.Repeat("ab", 16)
	for _, name := range []string{id + ".state", id + ".partial", "README", "notes.state", id[1:] + ".state", strings.ToUpper(id) + ".state"} {
		require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "bodies", name), data, 0o600))
	}
	names = open(t, o)
	left := files(t, filepath.Join(o.Dir, "bodies"))
	assert.Len(t, left, 6)
	for _, other := range []string{"README", "notes.state", id[1:] + ".state", strings.ToUpper(id) + ".state"} {
		assert.Contains(t, left, other, "what is not ours stays")
	}
	require.NoError(t, names.Close())
	assert.Empty(t, log.String())

	for _, name := range left {
		if len(name) == 38 && !strings.HasPrefix(name, "AB") {
			require.NoError(t, os.Remove(filepath.Join(o.Dir, "bodies", name)))
			break
		}
	}
	names = open(t, o)
	assert.Len(t, names.List("ann"), 1)
	holds(t, names, "ann", names.List("ann")[0].Name)
	assert.Contains(t, log.String(), "its file is missing")
}

// TestLinksLeadNowhere plants links to a folder and a file elsewhere. Nothing there may be read, changed or removed.
func TestLinksLeadNowhere(t *testing.T) {
	secret := func(t *testing.T) (dir, file string) {
		dir = t.TempDir()
		file = filepath.Join(dir, "secret")
		require.NoError(t, os.WriteFile(file, []byte("a goose"), 0o600))
		return dir, file
	}
	link := func(t *testing.T, to, from string) {
		require.NoError(t, os.RemoveAll(from))
		if err := os.Symlink(to, from); err != nil {
			t.Skipf("no links here: %v", err)
		}
	}
	untouched := func(t *testing.T, dir, file string) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "a goose", string(data))
		assert.Equal(t, []string{"secret"}, files(t, dir))
	}
	for _, name := range []string{"bodies", "names.db"} {
		t.Run(name, func(t *testing.T) {
			o, _ := in(t.TempDir())
			dir, file := secret(t)
			target := dir
			if name == "names.db" {
				target = file
			}
			link(t, target, filepath.Join(o.Dir, name))
			_, err := states.OpenNames(o)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), dir)
			untouched(t, dir, file)
		})
	}
	t.Run("a body", func(t *testing.T) {
		o, _ := in(t.TempDir())
		names := open(t, o)
		give(t, names, "", "a", same(1, 1))
		require.NoError(t, names.Close())
		names = open(t, o)
		dir, file := secret(t)
		other, _ := in(t.TempDir())
		give(t, open(t, other), "", "a", same(1, 2)) // a state that would fit
		right := theBody(t, other.Dir)
		link(t, right, theBody(t, o.Dir))
		_, err := names.Hold("", "a")
		require.ErrorIs(t, err, states.ErrDamaged)
		require.FileExists(t, right)

		give(t, names, "", "b", same(1, 1))
		link(t, file, theBody(t, o.Dir))
		require.NoError(t, names.Delete("", "b"))
		untouched(t, dir, file)
	})
	t.Run("bad", func(t *testing.T) {
		o, _ := in(t.TempDir())
		dir, file := secret(t)
		names := open(t, o)
		give(t, names, "", "a", same(1, 1))
		require.NoError(t, names.Close())
		link(t, dir, filepath.Join(o.Dir, "bad"))
		names = open(t, o)
		require.NoError(t, os.Truncate(theBody(t, o.Dir), 7))
		_, err := names.Hold("", "a")
		require.ErrorIs(t, err, states.ErrDamaged)
		untouched(t, dir, file)
	})
	t.Run("bodies, later", func(t *testing.T) {
		o, _ := in(t.TempDir())
		names := open(t, o)
		dir, file := secret(t)
		link(t, dir, filepath.Join(o.Dir, "bodies"))
		s := same(1, 1)
		defer s.Release()
		_, err := names.Put("", "a", s, 0)
		require.ErrorIs(t, err, states.ErrStorage)
		assert.NotContains(t, err.Error(), dir)
		untouched(t, dir, file)
	})
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	o, _ := in(file)
	_, err := states.OpenNames(o)
	require.ErrorContains(t, err, "the folder of states "+file+": ")

	for name, make := range map[string]func(t *testing.T, index string){
		"another file": func(t *testing.T, index string) {
			require.NoError(t, os.WriteFile(index, bytes.Repeat([]byte("a goose"), 10000), 0o600))
		},
		"a folder":           func(t *testing.T, index string) { require.NoError(t, os.Mkdir(index, 0o700)) },
		"an index cut short": func(t *testing.T, index string) { aStore(t, index); require.NoError(t, os.Truncate(index, 8192)) },
		"a later version":    func(t *testing.T, index string) { aStore(t, index); setVersion(t, index, "2") },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := in(t.TempDir())
			make(t, filepath.Join(o.Dir, "names.db"))
			_, err := states.OpenNames(o)
			require.ErrorContains(t, err, "the folder of states "+o.Dir+": ")
		})
	}
}

// aStore makes a store with two states around an index.
func aStore(t *testing.T, index string) {
	t.Helper()
	o, _ := in(filepath.Dir(index))
	names := open(t, o)
	give(t, names, "ann", "a", same(1, 1))
	give(t, names, "ann", "b", same(2, 2))
	require.NoError(t, names.Close())
}

func setVersion(t *testing.T, index, version string) {
	t.Helper()
	db, err := bbolt.Open(index, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("about")).Put([]byte("version"), []byte(version)) }))
	require.NoError(t, db.Close())
}

// TestDamagedRecordsAreDropped puts wrong records into an index. Right ones stay.
func TestDamagedRecordsAreDropped(t *testing.T) {
	o, log := in(t.TempDir())
	index := filepath.Join(o.Dir, "names.db")
	aStore(t, index)
	db, err := bbolt.Open(index, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("names"))
		right := string(b.Get([]byte("ann\x00a"))[4:])
		require.Equal(t, states.Sealed("ann\x00a", right), b.Get([]byte("ann\x00a")))
		for key, value := range map[string][]byte{
			"ann\x00j": b.Get([]byte("ann\x00a")), // whose sum is of another name
			"ann\x00k": {1, 2, 3},
			"ann\x00l": {},
		} {
			if err := b.Put([]byte(key), value); err != nil {
				return err
			}
		}
		for key, text := range map[string]string{
			"no tenant":      right,
			"ann\x00../../a": right,
			"ann\x00c":       "",
			"ann\x00d":       "{}",
			"ann\x00e":       right[:len(right)/2],
			"ann\x00f":       strings.Replace(right, `"file":"`, `"file":"../`, 1),
			"ann\x00g":       strings.Replace(right, `"bytes":`, `"bytes":-`, 1),
			"ann\x00h":       strings.Replace(right, `"id":"`, `"id":"0`, 1),
			"ann\x00i":       strings.Replace(right, `"file":"`, `"file":"`+strings.Repeat("0", 32)+`","x":"`, 1),
		} {
			if err := b.Put([]byte(key), states.Sealed(key, text)); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
	names := open(t, o)
	require.Len(t, names.List("ann"), 2)
	assert.Equal(t, 2, names.Stats().Names)
	assert.EqualValues(t, 1, holds(t, names, "ann", "a"))
	assert.Equal(t, 12, strings.Count(log.String(), "a state is lost"))
	require.NoError(t, names.Close())
	log.Reset()
	names = open(t, o)
	assert.EqualValues(t, 2, holds(t, names, "ann", "b"))
	assert.Empty(t, log.String(), "they were removed")
}

// TestADamagedIndexGivesNothingWrong changes bytes of an index. The folder is refused, or names are lost. What is there is right.
func TestADamagedIndexGivesNothingWrong(t *testing.T) {
	o, _ := in(t.TempDir())
	index := filepath.Join(o.Dir, "names.db")
	aStore(t, index)
	names := open(t, o)
	for i := range 40 { // more than a page of names, so that there are branches
		_, err := names.Fork("ann", "a", fmt.Sprint("fork", i), 0)
		require.NoError(t, err)
	}
	require.NoError(t, names.Close())
	right, err := os.ReadFile(index)
	require.NoError(t, err)
	bodies := map[string][]byte{}
	for _, name := range files(t, o.Dir) {
		bodies[name], err = os.ReadFile(filepath.Join(o.Dir, name))
		require.NoError(t, err)
	}
	rounds := 100
	if testing.Short() {
		rounds = 30
	}
	r, refused, lost := rand.New(rand.NewPCG(7, 7)), 0, 0
	for range rounds {
		data := slices.Clone(right)
		for range 1 + r.IntN(3) { // most of a page is empty, and its beginning says where everything is
			page := r.IntN(len(data)/os.Getpagesize()) * os.Getpagesize()
			data[page+r.IntN(1+r.IntN(os.Getpagesize()))] = byte(r.Uint32() >> r.IntN(32))
		}
		if r.IntN(20) == 0 {
			data = data[:r.IntN(len(data))]
		}
		require.NoError(t, os.WriteFile(index, data, 0o600))
		names, err := states.OpenNames(o)
		if err != nil {
			refused++
			assert.NotContains(t, err.Error(), "another program")
			continue
		}
		list := names.List("ann")
		if len(list) < 42 {
			lost++
		}
		for _, n := range list[:min(4, len(list))] {
			s, err := names.Hold("ann", n.Name)
			require.NoError(t, err)
			want := map[bool]float32{true: 2, false: 1}[n.Name == "b"]
			assert.Equal(t, want, s.Snapshot().State[0][0])
			s.Release()
		}
		give(t, names, "ann", "c", same(3, 3))
		require.NoError(t, names.Delete("ann", "c"))
		require.NoError(t, names.Close())
		// Lost names may have taken their files with them.
		for name, data := range bodies {
			require.NoError(t, os.WriteFile(filepath.Join(o.Dir, name), data, 0o600))
		}
	}
	t.Logf("%d of %d were refused, %d lost names", refused, rounds, lost)
	require.Positive(t, refused)
	require.Positive(t, lost)
}

// TestADiskThatFails lets each operation on a file fail. The call that needs it gets an error that names no path, nothing that was kept
// is lost, and the store goes on.
func TestADiskThatFails(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/secret/place", Err: syscall.ENOSPC}
	for _, failing := range []string{"create", "write", "flush", "close", "rename", "sync"} {
		t.Run(failing, func(t *testing.T) {
			o, log := in(t.TempDir())
			names := open(t, o)
			give(t, names, "ann", "a", same(1, 1))
			names.Wrap(func(op, name string) error {
				if op == failing {
					return full
				}
				return nil
			})
			s := same(2, 2)
			for _, name := range []string{"a", "b", ""} {
				_, err := names.Put("ann", name, s, 0)
				require.ErrorIs(t, err, states.ErrStorage)
				require.ErrorIs(t, err, syscall.ENOSPC)
				assert.Equal(t, "the folder of states cannot be used now: "+syscall.ENOSPC.Error(), err.Error())
			}
			assert.Contains(t, log.String(), "/secret/place", "the log has the details")
			assert.EqualValues(t, 1, holds(t, names, "ann", "a"))
			assert.Len(t, names.List("ann"), 1)
			assert.Len(t, files(t, o.Dir), 1, "nothing is left of what failed")
			_, err := names.Fork("ann", "a", "fork", 0)
			require.NoError(t, err, "needs no file")

			names.Unwrap()
			give(t, names, "ann", "b", s)
			require.NoError(t, names.Close())
			names = open(t, o)
			assert.EqualValues(t, 1, holds(t, names, "ann", "a"))
			assert.EqualValues(t, 2, holds(t, names, "ann", "b"))
		})
	}
	for _, failing := range []string{"open", "read"} {
		t.Run(failing, func(t *testing.T) {
			o, _ := in(t.TempDir())
			names := open(t, o)
			give(t, names, "ann", "a", same(1, 1))
			require.NoError(t, names.Close())
			names = open(t, o)
			names.Wrap(func(op, name string) error {
				if op == failing {
					return &fs.PathError{Op: "read", Path: "/secret/place", Err: syscall.EIO}
				}
				return nil
			})
			_, err := names.Hold("ann", "a")
			require.ErrorIs(t, err, states.ErrStorage)
			assert.NotContains(t, err.Error(), "secret")
			names.Unwrap()
			assert.EqualValues(t, 1, holds(t, names, "ann", "a"), "an error of the disk is not a damaged file")
		})
	}
	t.Run("the index", func(t *testing.T) {
		o, _ := in(t.TempDir())
		names := open(t, o)
		s := same(1, 1)
		defer s.Release()
		_, err := names.Put("ann", "a", s, 0)
		require.NoError(t, err)
		require.NoError(t, names.BreakIndex())
		other := same(2, 2)
		defer other.Release()
		_, err = names.Put("ann", "b", other, 0)
		require.ErrorIs(t, err, states.ErrStorage)
		_, err = names.Put("ann", "a", other, 0)
		require.ErrorIs(t, err, states.ErrStorage)
		_, err = names.Fork("ann", "a", "b", 0)
		require.ErrorIs(t, err, states.ErrStorage)
		require.ErrorIs(t, names.Delete("ann", "a"), states.ErrStorage)
		assert.EqualValues(t, 1, holds(t, names, "ann", "a"))
		assert.Len(t, files(t, o.Dir), 1)
	})
	t.Run("remove", func(t *testing.T) {
		o, log := in(t.TempDir())
		names := open(t, o)
		give(t, names, "ann", "a", same(1, 1))
		names.Wrap(func(op, name string) error {
			if op == "remove" {
				return full
			}
			return nil
		})
		require.NoError(t, names.Delete("ann", "a"))
		assert.Contains(t, log.String(), "cannot be removed")
		require.NoError(t, names.Close())
		open(t, o)
		assert.Empty(t, files(t, o.Dir), "the next program removes it")
	})
}

// TestNamesAreSharedByGoroutines is for the race detector. Each name always stands for a state that was given to it.
func TestNamesAreSharedByGoroutines(t *testing.T) {
	o, log := in(t.TempDir())
	o.Memory = 2 * kept
	names := open(t, o)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 25 {
				name, other := fmt.Sprint("n", (g+i)%3), fmt.Sprint("n", i%3)
				switch i % 5 {
				case 0, 1:
					s := same(int64(g), float32(g))
					_, err := names.Put("", name, s, 0)
					assert.NoError(t, err)
					s.Release()
				case 2:
					_, _ = names.Fork("", name, other, 0) // it may be deleted
				case 3:
					_ = names.Delete("", name)
				}
				if s, err := names.Hold("", other); err == nil {
					assert.InDelta(t, float64(s.Snapshot().Tokens), s.Snapshot().State[2][0], 0)
					s.Release()
				} else {
					assert.ErrorIs(t, err, states.ErrNoState)
				}
			}
		})
	}
	wg.Wait()
	list := names.List("")
	bodies := map[states.ID]bool{}
	for _, n := range list {
		bodies[n.ID] = true
	}
	assert.Len(t, files(t, o.Dir), len(bodies), "each body has a file, and nothing else has")
	require.NoError(t, names.Close())
	assert.Equal(t, list, open(t, o).List(""))
	assert.Empty(t, log.String())
}
