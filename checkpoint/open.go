package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Open opens the file at path and lets read find its tensors, which go on reading it. Errors name the file.
func Open(path string, read func(file io.ReaderAt, size int64) (*File, error)) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		var f *File
		if f, err = read(&source{file, path, info.Size()}, info.Size()); err == nil {
			f.Path, f.Closer = path, file
			return f, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
}

// source is an open file that knows how long it was.
type source struct {
	file *os.File
	path string
	size int64
}

// ReadAt reads bytes. A file that has become shorter gives an error that names it.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.file.ReadAt(p, off)
	if errors.Is(err, io.EOF) && off+int64(len(p)) <= s.size {
		return n, fmt.Errorf("%s was cut short while it was read: it ends at byte %d, and had %d", s.path, off+int64(n), s.size)
	}
	return n, err
}
