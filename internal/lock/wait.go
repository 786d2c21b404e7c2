package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// often is how often Wait tries again.
const often = 100 * time.Millisecond

// File is the lock of a file that exists only to be locked. Python's filelock takes the same lock.
type File struct{ flock *flock.Flock }

// Wait takes the lock of the file at path and creates the file and its folder. While another program holds the lock, it waits until
// ctx ends. It calls waiting once before it waits; nil is nobody. The caller calls Close or Remove.
func Wait(ctx context.Context, path string, waiting func()) (*File, error) {
	for try := 0; ; try++ {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		f := flock.New(path)
		ok, err := f.TryLock()
		if err == nil && !ok {
			if waiting != nil {
				waiting()
				waiting = nil
			}
			ok, err = f.TryLockContext(ctx, often)
		}
		if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil && try < 1000 {
			f.Close()
			continue // another program removed the empty folder
		}
		if err != nil || !ok {
			err = errors.Join(err, f.Close())
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, fmt.Errorf("lock file %s: %w", path, err)
		}
		if same(f) {
			return &File{f}, nil
		}
		f.Close() // another program removed the file before it was locked
	}
}

// same reports whether the locked file is still the one at its path.
func same(f *flock.Flock) bool {
	named, err := os.Stat(f.Path())
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

// Close ends the lock. The file stays.
func (l *File) Close() error { return l.flock.Close() }

// Remove removes the file and ends the lock. All who lock the file must use Wait, which notices the removal.
func (l *File) Remove() error {
	_ = os.Remove(l.flock.Path()) // Windows keeps open files
	return l.Close()
}
