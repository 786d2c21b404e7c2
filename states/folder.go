package states

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"regexp"

	"go.etcd.io/bbolt"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/lock"
)

// What a folder of states contains. docs/format/state.md describes it.
const (
	indexFile  = "names.db"
	lockFile   = "lock"
	bodyFolder = "bodies"
	badFolder  = "bad"
	bodyEnd    = ".state"
	partialEnd = ".partial"
)

// folder keeps names in an index, and bodies in files. A body's file is complete before the index names it, and is removed after the index
// has forgotten it. So a program that is killed leaves at most files that the index does not name, and the next one removes them.
type folder struct {
	root  rooted
	disk  disk // root, or what tests have in its place
	lock  *os.File
	index *bbolt.DB
	log   *slog.Logger
}

func openFolder(dir string, log *slog.Logger) (_ *folder, err error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder of states %s: %w", dir, err)
	}
	f := &folder{root: d, disk: d, log: log}
	if err = f.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("the folder of states %s: %w", dir, bare(err)), f.close())
	}
	return f, nil
}

// open takes the folder's lock, and opens the index.
func (f *folder) open() error {
	var err error
	if f.lock, err = f.root.openFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if free, err := lock.Try(f.lock); err == nil && !free { // some file systems have no locks; continue without one
		return errors.New("another program uses it: stop that program, or use another folder")
	}
	err = f.check()
	if errors.Is(err, fs.ErrNotExist) {
		err = f.create()
	}
	if err != nil {
		return err
	}
	f.index, err = f.openIndex(indexFile)
	return err
}

func (f *folder) close() error {
	var err error
	if f.index != nil {
		err = f.index.Close()
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return errors.Join(err, f.root.root.Close())
}

var rightFile = regexp.MustCompile(`^[0-9a-f]{32}$`)

// newFile returns a name for a body's file.
func newFile() string {
	var x [16]byte
	_, _ = rand.Read(x[:]) // it never fails
	return hex.EncodeToString(x[:])
}

// load returns the names in the index. It drops those without a body, and removes bodies without a name.
func (f *folder) load() (map[owned]*label, error) {
	files, err := f.disk.list(bodyFolder)
	if err != nil {
		return nil, f.failed(err)
	}
	there := map[string]bool{}
	for _, name := range files {
		there[name] = true
	}
	names, wrong, err := f.scan(there)
	if err == nil && len(wrong) > 0 {
		err = f.update(func(b *bbolt.Bucket) error { return deleteAll(b, wrong) })
	}
	if err != nil {
		return nil, f.failed(err)
	}
	used := map[string]bool{}
	for _, e := range names {
		used[e.body.file+bodyEnd] = true
	}
	for _, name := range files {
		end := path.Ext(name)
		if used[name] || end != bodyEnd && end != partialEnd || !rightFile.MatchString(name[:len(name)-len(end)]) {
			continue
		}
		if len(wrong) > 0 { // its name may be among those that were lost
			err = f.disk.rename(path.Join(bodyFolder, name), path.Join(badFolder, name))
		} else {
			err = f.disk.remove(path.Join(bodyFolder, name))
		}
		if err != nil {
			f.log.Warn("cannot remove the file of a state that has no name", "file", name, "error", err)
		}
	}
	return names, nil
}

// failed makes an error of the folder out of one of the system. It names no path: clients may see it, the log has the rest.
func (f *folder) failed(err error) error {
	if err == nil {
		return nil
	}
	f.log.Error("the folder of states cannot be used", "error", err)
	return fmt.Errorf("%w: %w", ErrStorage, bare(err))
}

// bare is an error without the paths that it names.
func bare(err error) error {
	var onPath *fs.PathError
	var onLink *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &onPath):
		return bare(onPath.Err)
	case errors.As(err, &onLink):
		return bare(onLink.Err)
	case errors.As(err, &call):
		return bare(call.Err)
	}
	return err
}

// write writes a body's file.
func (f *folder) write(b *body, l engine.Layout, s engine.Snapshot) error {
	partial := path.Join(bodyFolder, b.file+partialEnd)
	err := f.writeTo(partial, l, s)
	if err == nil {
		err = f.disk.rename(partial, b.path())
	}
	if err == nil {
		err = f.disk.sync(bodyFolder)
	}
	if err != nil {
		_ = f.disk.remove(partial) // it may not exist
		_ = f.disk.remove(b.path())
		return f.failed(err)
	}
	return nil
}

func (b *body) path() string { return path.Join(bodyFolder, b.file+bodyEnd) }

func (f *folder) writeTo(name string, l engine.Layout, s engine.Snapshot) error {
	w, err := f.disk.create(name)
	if err != nil {
		return err
	}
	err = l.Write(w, s, engine.StateF32)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// read reads a body's file. The error wraps ErrDamaged if the file is not what was written.
func (f *folder) read(b *body, l engine.Layout, into *engine.Snapshot) error {
	r, size, err := f.disk.open(b.path())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotFile):
		return fmt.Errorf("%w: %w", ErrDamaged, bare(err))
	case err != nil:
		return f.failed(err)
	}
	defer r.Close()
	if want := l.FileBytes(engine.StateF32); size != want {
		return fmt.Errorf("%w: it has %d bytes, want %d", ErrDamaged, size, want)
	}
	in := &failing{r: r}
	err = l.Read(in, into)
	switch {
	case in.err != nil:
		return f.failed(in.err)
	case err == nil && into.Tokens != b.tokens:
		err = fmt.Errorf("it has read %d tokens, want %d", into.Tokens, b.tokens)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// failing keeps the first error of a reader that is not the end of the file.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && f.err == nil {
		f.err = err
	}
	return n, err
}

// remove removes a body's file.
func (f *folder) remove(b *body) {
	if err := f.disk.remove(b.path()); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrClosed) {
		f.log.Warn("a state's file cannot be removed", "error", err) // the next program that opens the folder tries again
	}
}

// setAside moves a damaged file out of the way.
func (f *folder) setAside(b *body) error {
	return f.disk.rename(b.path(), path.Join(badFolder, b.file+bodyEnd))
}
