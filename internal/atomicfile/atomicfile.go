// Package atomicfile writes files that are either complete or absent.
//
// Create makes a temporary file next to the target. Commit renames it to the target once all of it is on the disk. Whenever the
// program or the machine stops, the target is the complete old file, the complete new one, or absent. A killed program may leave
// the temporary file behind. Its name is the target's name with ".partial-" and a number. The next Create for the same target
// removes it. Temporary files are locked while they are written, so those in use are not removed.
//
// Limits: the target must be a regular file or a new name. If the target is a symbolic link, the file that it points to is
// replaced.
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

// Options says how to create a file. The zero value never replaces a file.
type Options struct {
	Force bool // replace an existing file
}

// File is a temporary file that becomes the target by Commit. The caller must always call Close. WriteAt may be called from many
// goroutines, Commit and Close from one at the end.
type File struct {
	*os.File
	target string
	force  bool
	open   bool
	done   bool // nothing is left to remove

}

// Create makes the temporary file for a target. If the target exists and o.Force is not set, the error is an *ExistsError.
// The path "-", which usually means standard output, is an error.
func Create(path string, o Options) (*File, error) {
	if path == "-" {
		return nil, errors.New("-: this file cannot be written to standard output: give a file name (./- for a file named -)")
	}
	target, old, err := examine(path)
	if err != nil {
		return nil, err
	}
	if old != nil && !o.Force {
		return nil, &ExistsError{path}
	}
	removeAbandoned(target)
	f, err := createBeside(target)
	if err != nil {
		return nil, fmt.Errorf("cannot create a file in %s: %w", filepath.Dir(target), err)
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}
	return &File{File: f, target: target, force: o.Force, open: true}, nil
}

// ExistsError is the error of a target that exists and may not be replaced. It wraps fs.ErrExist.
type ExistsError struct{ path string }

func (e *ExistsError) Error() string { return e.path + " exists" }
func (e *ExistsError) Unwrap() error { return fs.ErrExist }

// examine follows the symbolic links of a path. It returns the path they lead to and the existing file there, if any.
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
		return "", nil, fmt.Errorf("%s is not a regular file: it cannot be replaced", path)
	}
	return target, info, nil
}

// infix separates a target's name from the number in a temporary file's name.
const infix = ".partial-"

// prefix returns the start of the paths of a target's temporary files. It shortens long names, because most systems allow 255
// bytes.
func prefix(target string) (dir, base string) {
	dir, base = filepath.Split(target)
	return dir, base[:min(len(base), 200)] + infix
}

// createBeside creates a new, locked file with the permissions of any new file. os.CreateTemp would restrict them.
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
		_, _ = lock.Try(f) // a file system without locks also keeps other programs from removing the file
		if stillThere(f) || try == 100 {
			return f, nil
		}
		f.Close() // another program removed it as abandoned before it was locked
	}
}

// stillThere reports whether the open file is still the one at its path.
func stillThere(f *os.File) bool {
	named, err := os.Stat(f.Name())
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

// removeAbandoned removes a target's temporary files that killed programs left behind. It ignores errors.
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

// Commit flushes the file to the disk and renames it to the target. Without Options.Force it does not replace a file that
// appeared since Create, and the error is then an *ExistsError. Commit closes the file. After an error, Close does.
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

// place renames the temporary file to the target.
func (f *File) place() error {
	if f.force {
		return os.Rename(f.Name(), f.target)
	}
	// Only a hard link gives the name without replacing a file on every system.
	switch err := os.Link(f.Name(), f.target); {
	case err == nil:
		return os.Remove(f.Name())
	case errors.Is(err, fs.ErrExist):
		return &ExistsError{f.target}
	}
	// The file system has no hard links. Checking first leaves only a short gap.
	if _, err := os.Lstat(f.target); !errors.Is(err, fs.ErrNotExist) {
		return &ExistsError{f.target}
	}
	return os.Rename(f.Name(), f.target)
}

// syncFolder flushes a folder, and so the names in it, to the disk.
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
