// Package rwkvcpp reads the .bin models of rwkv.cpp (first bytes "fmgg", versions 100 and 101) as the training checkpoints that they were
// made from: with the original names, shapes and parameters. Where rwkv.cpp's converter stored values computed from a parameter, the
// parameter is restored. docs/format/rwkvcpp.md describes the file.
//
// Opening reads the headers of the tensors. Elements are read when they are asked for, and quantized ones become F32.
//
// Limits: little-endian files only. These types are refused by name: Q4_1_O, Q4_2 and Q4_3, which rwkv.cpp itself dropped, and Q2_K,
// Q3_K, Q8_1 and Q8_K.
package rwkvcpp

import (
	"fmt"
	"io"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// Magic is the first four bytes of a file: "ggmf" as a little-endian number.
const Magic = "fmgg"

// Read reads the headers of a model. file has size bytes. The tensors read file later, so it must stay open.
func Read(file io.ReaderAt, size int64) (*checkpoint.File, error) {
	h, err := readHeader(file, size)
	if err != nil {
		return nil, err
	}
	entries, err := readEntries(file, size, h)
	if err != nil {
		return nil, err
	}
	f := &checkpoint.File{Format: fmt.Sprintf("rwkv.cpp model, version %d", h.version)}
	r := newRestorer(entries)
	for _, e := range entries {
		tensors, err := r.restore(e)
		if err != nil {
			return nil, fmt.Errorf("tensor %q at byte %d: %w", e.name, e.offset, err)
		}
		f.Tensors = append(f.Tensors, tensors...)
	}
	return f, unique(f.Tensors)
}

// unique refuses two tensors of one name, which restoring may have made of two.
func unique(tensors []checkpoint.Tensor) error {
	seen := map[string]bool{}
	for _, t := range tensors {
		if seen[t.Name] {
			return fmt.Errorf("it has tensor %q twice, once as rwkv.cpp keeps it: not written by its converter", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}
