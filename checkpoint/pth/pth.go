// Package pth reads and writes the files of torch.save that hold a state dict: the zip archive of PyTorch 1.6 and later, and the
// sequence of pickles before it. docs/format/pth.md describes both.
//
// A pickle is a program. This package runs only the instructions that a state dict needs and knows only the names that make tensors.
// It refuses everything else by name before it reads a weight. It never executes or imports anything that a file names.
//
// Opening reads the directory and the pickle, some hundred KiB. Elements are read when they are asked for.
//
// Limits: no compressed archives, no quantized or sparse tensors, no objects of a program's own classes, pickle protocols 2 to 5,
// 64 MiB of pickle.
package pth

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Read reads the directory and the pickle of a checkpoint. file has size bytes. The tensors read file later, so it must stay open.
func Read(file io.ReaderAt, size int64) (*checkpoint.File, error) {
	f, err := readCheckpoint(file, size)
	var object *objectError
	if named, ok := file.(interface{ Name() string }); ok && errors.As(err, &object) {
		object.Path = named.Name()
	}
	return f, err
}

func readCheckpoint(file io.ReaderAt, size int64) (*checkpoint.File, error) {
	c, err := readContents(file, size)
	if err != nil {
		return nil, err
	}
	f := &checkpoint.File{Format: c.format, Sums: c.sums}
	entries, err := c.entries()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		t, ok := e.value.(*tensor)
		if !ok {
			f.Others = append(f.Others, e.name)
			continue
		}
		data, err := t.open(file, size, c.bigEndian)
		if err != nil {
			return nil, fmt.Errorf("tensor %s %w", excerpt.Of(e.name), err)
		}
		f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: e.name, DType: t.dtype, Shape: t.shape, Data: data})
	}
	if len(f.Tensors) == 0 {
		return nil, noTensors(entries)
	}
	return f, nil
}

// readContents chooses the container by the first bytes.
func readContents(file io.ReaderAt, size int64) (*contents, error) {
	head := make([]byte, min(size, 4))
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, size), head); err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		return readZip(file, size)
	case bytes.HasPrefix(head, []byte{0x80}):
		return readLegacy(file, size)
	case size == 0:
		return nil, errors.New("is empty: download it again")
	}
	return nil, fmt.Errorf("begins with %q, want a zip archive or a pickle: not written by torch.save", head)
}
