package states

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// disk is what a folder of states does with its files. Names are relative to the folder, with slashes.
type disk interface {
	list(folder string) ([]string, error)
	create(name string) (output, error)
	open(name string) (r io.ReadCloser, size int64, err error)
	rename(from, to string) error
	remove(name string) error
	sync(folder string) error // after a file got another name
}

// output is a file that is being written.
type output interface {
	io.WriteCloser
	Sync() error
}

// errNotFile is the error of a name that stands for something else than a file.
var errNotFile = errors.New("not a regular file")

// rooted is a real folder. No link leads out of it.
type rooted struct{ root *os.Root }

// openDisk opens a folder, and creates it and those in it if they are missing. Only the user may read them: states are what people wrote.
func openDisk(dir string) (d rooted, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return d, bare(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return d, bare(err)
	}
	for _, name := range []string{bodyFolder, badFolder} {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return d, errors.Join(bare(err), root.Close())
		}
	}
	return rooted{root}, nil
}

func (d rooted) list(folder string) ([]string, error) {
	f, err := d.root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d rooted) create(name string) (output, error) {
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d rooted) open(name string) (io.ReadCloser, int64, error) {
	f, err := d.openFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func (d rooted) rename(from, to string) error { return d.root.Rename(from, to) }
func (d rooted) remove(name string) error     { return d.root.Remove(name) }

func (d rooted) sync(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there
	}
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// openFile opens a file as os.OpenFile does. A link is an error, and so is a pipe, which would wait.
func (d rooted) openFile(name string, flag int, mode fs.FileMode) (*os.File, error) {
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotFile
	}
	return d.root.OpenFile(name, flag, mode)
}
