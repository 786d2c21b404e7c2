package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"runtime"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/lock"
)

// What a folder of documents has besides the folders of tenants.
const (
	lockFile   = "lock"
	partialEnd = ".partial"
)

var (
	rightID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	rightOwner = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// ownerOf returns what stands for a tenant, which may have any name, in the names of files.
func ownerOf(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return hex.EncodeToString(sum[:16])
}

// folder keeps documents in files. A document has the time of its file. No link leads out of the folder.
type folder struct {
	root *os.Root
	lock *os.File
}

func openFolder(dir string) (*folder, error) {
	f, err := &folder{}, os.MkdirAll(dir, 0o700) // documents are what people wrote
	if err == nil {
		f.root, err = os.OpenRoot(dir)
	}
	if err == nil {
		f.lock, err = f.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err == nil {
		if free, lockErr := lock.Try(f.lock); lockErr == nil && !free { // a file system without locks is no reason to stop
			err = errors.New("another program uses it: stop that program, or use another folder")
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the folder of documents %s: %w", dir, err), f.close())
	}
	return f, nil
}

func (f *folder) close() error {
	var err error
	if f.lock != nil {
		err = f.lock.Close()
	}
	if f.root != nil {
		err = errors.Join(err, f.root.Close())
	}
	return err
}

// list returns the entries of all documents. It removes what a program that was killed has left.
func (f *folder) list() (all []*entry, err error) {
	owners, err := fs.ReadDir(f.root.FS(), ".")
	for _, owner := range owners {
		if err != nil || !owner.IsDir() || !rightOwner.MatchString(owner.Name()) {
			continue
		}
		var files []fs.DirEntry
		files, err = fs.ReadDir(f.root.FS(), owner.Name())
		for _, file := range files {
			info, infoErr := file.Info()
			switch id := file.Name(); {
			case strings.HasSuffix(id, partialEnd):
				err = errors.Join(err, f.root.Remove(path.Join(owner.Name(), id)))
			case infoErr == nil && info.Mode().IsRegular() && rightID.MatchString(id):
				all = append(all, &entry{key: key{owner.Name(), id}, made: info.ModTime(), bytes: info.Size() + overhead})
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the folder of documents %s: %w", f.root.Name(), err)
	}
	return all, nil
}

// put writes a document.
func (f *folder) put(e *entry, document []byte) error {
	if err := f.root.Mkdir(e.owner, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	partial := e.path() + partialEnd
	err := f.write(partial, document)
	if err == nil {
		err = f.root.Chtimes(partial, e.made, e.made)
	}
	if err == nil {
		err = f.root.Rename(partial, e.path())
	}
	if err == nil {
		err = errors.Join(f.sync(e.owner), f.sync("."))
	}
	if err != nil {
		return errors.Join(err, f.remove(partial))
	}
	return nil
}

func (f *folder) write(name string, document []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(document)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// sync lets the disk know the names in a folder.
func (f *folder) sync(name string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there
	}
	dir, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// get returns a document. It reads no more than the archive has counted.
func (f *folder) get(e *entry) ([]byte, error) {
	info, err := f.root.Lstat(e.path())
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, errors.New("not a regular file")
	}
	file, err := f.root.Open(e.path())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, e.bytes))
	if err == nil && int64(len(data))+overhead != e.bytes {
		err = fmt.Errorf("it has %d bytes, want %d", len(data), e.bytes-overhead)
	}
	return data, err
}

// remove removes a file, if it is there.
func (f *folder) remove(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// path returns the name of a document's file.
func (k key) path() string { return path.Join(k.owner, k.id) }
