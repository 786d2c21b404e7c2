package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// The limits of a checkpoint. The largest RWKV models have some 2,200 tensors, whose names have some 50 bytes.
const (
	MaxTensors = 1 << 17
	MaxName    = 1 << 10 // bytes of a tensor's name
	MaxDims    = 64      // of a tensor, as many as PyTorch itself has
)

// Open opens the file at path as the container that read reads, such as pth.Read. The caller closes the File. Errors name the file.
// Package formats finds the container that a file has.
func Open(path string, read func(file io.ReaderAt, size int64) (*File, error)) (*File, error) {
	file, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		var f *File
		if f, err = Read(&source{file, path, info.Size()}, info.Size(), read); err == nil {
			f.Path, f.Closer = path, file
			return f, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
}

// Read reads a checkpoint that is open already, or in memory. Its tensors are read from file later, and closing it does not close file.
func Read(file io.ReaderAt, size int64, read func(file io.ReaderAt, size int64) (*File, error)) (*File, error) {
	f, err := read(file, size)
	if err == nil {
		err = f.bounded()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// bounded holds a checkpoint to the limits, so that whoever prints names and shapes prints no more than a line.
func (f *File) bounded() error {
	if len(f.Tensors) > MaxTensors {
		return fmt.Errorf("has %d tensors, %d are the most", len(f.Tensors), MaxTensors)
	}
	for _, t := range f.Tensors {
		if len(t.Name) > MaxName || len(t.Shape) > MaxDims {
			return fmt.Errorf("tensor %s has a name of %d bytes and %d dimensions, %d and %d are the most", excerpt.Of(t.Name), len(t.Name), len(t.Shape), MaxName, MaxDims)
		}
	}
	return nil
}

// source is an open file that knows how long it was.
type source struct {
	file *os.File
	path string
	size int64
}

// Name is the path that the file was opened by.
func (s *source) Name() string { return s.path }

// ReadAt reads bytes. A file that has become shorter gives an error that names it.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.file.ReadAt(p, off)
	if errors.Is(err, io.EOF) && off+int64(len(p)) <= s.size {
		return n, fmt.Errorf("%s was cut short while it was read: it ends at byte %d, and had %d", s.path, off+int64(n), s.size)
	}
	return n, err
}
