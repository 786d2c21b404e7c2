// Package infile opens files from outside. It checks the kind of each file and limits how much is read.
//
// A model is read at random offsets, so it must be a regular file. Open rejects pipes, devices, sockets and folders before
// opening them. A text is read once from beginning to end, so it may come from a pipe. Read waits for it until the context ends.
// A Limit says how much may be read. Larger inputs are rejected without reading or allocating more.
//
// Limits: it waits for a regular file on a file system that does not answer.
package infile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Limit is the maximum size of an input.
type Limit struct {
	Bytes int64
	What  string // with an article, such as "a text"
}

// Check returns an error that begins with name if size is above the limit.
func (l Limit) Check(name string, size int64) error {
	if size <= l.Bytes {
		return nil
	}
	return fmt.Errorf("%s: larger than %s, the limit for %s", name, bytesText(l.Bytes), l.What)
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// Regular returns an error unless there is a regular file at path. If there is nothing, the error wraps fs.ErrNotExist.
func Regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return regular(path, info.Mode())
}

func regular(path string, mode fs.FileMode) error {
	if mode.IsRegular() {
		return nil
	}
	return fmt.Errorf("%s: is %s, want a file", path, kind(mode))
}

// kind names the kind of something that is not a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something unknown"
}

// Open opens a file for reading at random offsets. It never waits, and rejects everything but regular files. The caller closes
// the file.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := only(path, info.Mode()); err != nil {
		return nil, err
	}
	// A pipe may have replaced the file meanwhile, and opening it would wait for its other end.
	f, err := os.OpenFile(path, os.O_RDONLY|doNotWait, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = only(path, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func only(path string, mode fs.FileMode) error {
	err := regular(path, mode)
	if err != nil && !mode.IsDir() {
		err = fmt.Errorf("%w: it is read at random offsets, so write its content to a file first", err)
	}
	return err
}

// Head returns at most the first n bytes of a regular file, and the file's length.
func Head(path string, n int64) (head []byte, size int64, err error) {
	f, err := Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	head, err = io.ReadAll(io.NewSectionReader(f, 0, n))
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return head, info.Size(), err
}

// File reads a whole regular file. It never waits.
func (l Limit) File(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return l.All(path, f)
}

// All reads r to its end. Errors about its length begin with name. If r is a regular file that is too large, nothing is read.
func (l Limit) All(name string, r io.Reader) ([]byte, error) {
	if f, ok := r.(*os.File); ok {
		if err := l.fits(name, f); err != nil {
			return nil, err
		}
	}
	var whole pieces
	for size := max(rest(r)+1, 512); ; size = min(2*size, 16<<20) { // one more byte, to see the end
		piece := make([]byte, min(size, l.Bytes+1-whole.size))
		n, err := io.ReadFull(r, piece)
		whole.add(piece[:n])
		if err := l.Check(name, whole.size); err != nil {
			return nil, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return whole.join(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// fits checks the unread part of f, if f is a regular file.
func (l Limit) fits(name string, f *os.File) error { return l.Check(name, rest(f)) }

// rest returns the size of the unread part of a regular file, or 0 if it is unknown.
func rest(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return max(0, info.Size()-at)
}

// pieces are the parts of an input. They are joined once at the end, so that each is copied only once.
type pieces struct {
	list [][]byte
	size int64
}

func (p *pieces) add(piece []byte) {
	p.list = append(p.list, piece)
	p.size += int64(len(piece))
}

func (p *pieces) join() []byte {
	if len(p.list) == 1 {
		return p.list[0]
	}
	all := make([]byte, 0, p.size)
	for i, piece := range p.list {
		all = append(all, piece...)
		p.list[i] = nil
	}
	return all
}
