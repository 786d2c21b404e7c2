// Package atomicfile writes files that are either complete or absent.
//
// Create makes a temporary file next to the target. Commit renames it to the target once all of it is on the disk. Whenever the program
// or the machine stops, the target is the complete old file, the complete new one, or absent. A killed program may leave the temporary
// file, which is named like the target with ".partial-" and a number. The next Create for the same target removes it. Temporary files
// are locked while they are written, so those in use are not removed.
//
// Limits: the target must be a regular file or a new name. If the target is a symbolic link, the file that it leads to is replaced.
package atomicfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/lock"
)

// Options says how a file is made. The zero value never replaces a file.
type Options struct {
	Force bool // replace a file that is there already
}

// File is a temporary file that becomes the target by Commit. Close must be called in any case. WriteAt may be called
// from many goroutines, Commit and Close by one at the end.
type File struct {
	*os.File
	target string
	force  bool
	open   bool
	done   bool // nothing is left to remove

}

// Create makes the temporary file for a target. Without o.Force a target that exists is an error that wraps
// fs.ErrExist. "-", which elsewhere is standard output, is an error.
func Create(path string, o Options) (*File, error) {
	if path == "-" {
		return nil, errors.New("-: this file cannot be written to standard output: name one (./- for one of that name)")
	}
	target, old, err := examine(path)
	if err != nil {
		return nil, err
	}
	if old != nil && !o.Force {
		return nil, &existsError{path}
	}
	removeAbandoned(target)
	f, err := createBeside(target)
	if err != nil {
		return nil, fmt.Errorf("no file can be made in %s: %w", filepath.Dir(target), err)
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}
	return &File{File: f, target: target, force: o.Force, open: true}, nil
}

type existsError struct{ path string }

func (e *existsError) Error() string { return e.path + " exists: add --force to overwrite it" }
func (e *existsError) Unwrap() error { return fs.ErrExist }

// examine follows the symbolic links of a path and returns where they lead, and what is there.
func examine(path string) (target string, old fs.FileInfo, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	target = path
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return "", nil, fmt.Errorf("%s is a symbolic link that leads nowhere: %w", path, err)
		}
		if info, err = os.Lstat(target); err != nil {
			return "", nil, err
		}
	}
	switch {
	case info.IsDir():
		return "", nil, fmt.Errorf("%s is a folder: name a file in it", path)
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("%s is no regular file: it cannot be replaced", path)
	}
	return target, info, nil
}

// infix stands between a target's name and the number in the name of a temporary file.
const infix = ".partial-"

// prefix is what the paths of a target's temporary files begin with. A name may have 255 bytes on the usual systems.
func prefix(target string) (dir, base string) {
	dir, base = filepath.Split(target)
	return dir, base[:min(len(base), 200)] + infix
}

// createBeside makes a new file, locked and with the permissions that any new file gets, which os.CreateTemp does not give.
func createBeside(target string) (*os.File, error) {
	dir, base := prefix(target)
	for try := 0; ; try++ {
		name := dir + base + strconv.FormatUint(uint64(rand.Uint32()), 10)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		if err != nil {
			return nil, err
		}
		_, _ = lock.Try(f) // where the file system has no locks, nobody removes what others left either
		if stillThere(f) || try == 100 {
			return f, nil
		}
		f.Close() // another program took it for one that was left, before it was locked
	}
}

// stillThere reports whether an open file has its name.
func stillThere(f *os.File) bool {
	named, err := os.Stat(f.Name())
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

// removeAbandoned removes the temporary files of a target that programs left which were killed. What cannot be removed stays.
func removeAbandoned(target string) {
	dir, base := prefix(target)
	entries, _ := os.ReadDir(cmp.Or(dir, "."))
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), base)
		if _, err := strconv.ParseUint(number, 10, 32); !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		if path := dir + e.Name(); !lock.Held(path) {
			_ = os.Remove(path)
		}
	}
}

// Commit brings the file to the disk and gives it the target's name. Without Options.Force it replaces no file that
// appeared since Create; that error wraps fs.ErrExist. The file is closed then, in case of an error by Close.
func (f *File) Commit() error {
	if !f.open {
		return fmt.Errorf("%s: %w", f.target, fs.ErrClosed)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	f.open = false
	if err := f.File.Close(); err != nil {
		return err
	}
	if err := f.place(); err != nil {
		return err
	}
	f.done = true
	return syncFolder(filepath.Dir(f.target))
}

// place gives the temporary file the target's name.
func (f *File) place() error {
	if f.force {
		return os.Rename(f.Name(), f.target)
	}
	// A second name is the one way all systems have that does not replace a file.
	switch err := os.Link(f.Name(), f.target); {
	case err == nil:
		return os.Remove(f.Name())
	case errors.Is(err, fs.ErrExist):
		return &existsError{f.target}
	}
	// The file system has no second names. Looking first leaves but a moment.
	if _, err := os.Lstat(f.target); !errors.Is(err, fs.ErrNotExist) {
		return &existsError{f.target}
	}
	return os.Rename(f.Name(), f.target)
}

// syncFolder brings the name of a file to the disk.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Close removes the temporary file unless it was committed. It is safe to call twice.
func (f *File) Close() (err error) {
	if f.open {
		f.open = false
		err = f.File.Close()
	}
	if !f.done {
		f.done = true
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
