// Package infile opens files from outside. Each is opened as what it must be and read up to a bound.
//
// A model is read in many places, so it must be a file. Open refuses pipes, devices, sockets and folders before it opens them. A text is
// read once from beginning to end, so it may come from a pipe. Read waits for it until the context ends. A Limit says how much may be
// read. Larger inputs are refused without reading or allocating more.
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

// Limit is how large an input may be.
type Limit struct {
	Bytes int64
	What  string // with its article: "a text"
}

// Check is an error that begins with name if size bytes are too many.
func (l Limit) Check(name string, size int64) error {
	if size <= l.Bytes {
		return nil
	}
	return fmt.Errorf("%s: larger than %s, which is the most that %s may have", name, bytesText(l.Bytes), l.What)
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

// Regular is an error if there is something else than a file at path. One that is not there is an error that wraps
// fs.ErrNotExist.
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

// kind names what is no regular file.
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

// Open opens a file that is read at many places. It never waits: what is no regular file is refused. The caller closes it.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := only(path, info.Mode()); err != nil {
		return nil, err
	}
	// Another file may take its place meanwhile, and opening a pipe would wait for its other end.
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
		err = fmt.Errorf("%w: it is read at many places, write what it gives to a file first", err)
	}
	return err
}

// Head returns the first bytes of a file, at most n, and the file's length. What is no regular file is an error.
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

// File reads a whole file. It never waits: what is no regular file is an error.
func (l Limit) File(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return l.All(path, f)
}

// All reads all that r gives. Errors about its length begin with name. Nothing is read of a regular file that is too large.
func (l Limit) All(name string, r io.Reader) ([]byte, error) {
	if f, ok := r.(*os.File); ok {
		if err := l.Fits(name, f); err != nil {
			return nil, err
		}
	}
	var whole pieces
	for size := max(rest(r)+1, 512); ; size = min(2*size, 16<<20) { // one more, to see the end
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

// Fits is Check of what was not read yet of an open file, if that is a regular one.
func (l Limit) Fits(name string, f *os.File) error { return l.Check(name, rest(f)) }

// rest is how much of a regular file was not read yet, 0 for what does not tell.
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

// pieces are the parts of an input. They are joined once, so that no part is copied each time that there is more.
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
