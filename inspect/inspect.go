// Package inspect lists what a model file holds, without loading it: metadata, tensors, their sums by type, and the memory that it
// takes to run.
//
// Limits: only the header or directory of the file is read. Package check reads the weights.
package inspect

import (
	"fmt"
	"os"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
)

// Listing is the content of a model file. It owns all of its memory.
type Listing struct {
	Path     string    `json:"path"`
	Format   string    `json:"format"` // "GGUF version 3", "PyTorch zip, ..."
	Size     int64     `json:"size"`   // in bytes; of a folder, the size of its tensors
	Metadata []gguf.KV `json:"-"`      // in file order; of a checkpoint, what its tensors tell
	Tensors  []Tensor  `json:"tensors"`
	Totals   Totals    `json:"totals"`
	AsItIs   *fit.Row  `json:"memory_as_is,omitempty"` // memory for running the file; nil if it does not run as it is
	Memory   []fit.Row `json:"memory,omitempty"`       // memory for running it in each type; nil if it is not a model
}

// Tensor is an entry of the file's directory.
type Tensor struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Shape  []int64 `json:"shape"`            // as the file has it: fastest dimension first in GGUF, last in the others
	Part   int     `json:"part,omitempty"`   // of a split GGUF model, from 0
	Offset *int64  `json:"offset,omitempty"` // in the file; nil in a checkpoint
	Size   int64   `json:"size"`             // in bytes

	elements int64
}

// Totals sum up the tensors.
type Totals struct {
	Tensors       int          `json:"tensors"`
	Parameters    int64        `json:"parameters"`
	Bytes         int64        `json:"bytes"`
	BitsPerWeight float.Number `json:"bits_per_weight"`
	Types         []TypeTotal  `json:"types"` // in the order of their first tensors
}

// TypeTotal sums up the tensors of one type.
type TypeTotal struct {
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// File reads the directory of a GGUF file, a checkpoint or an importance matrix.
func File(path string) (*Listing, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	list := &Listing{Path: path, Size: info.Size(), Tensors: []Tensor{}}
	read := list.readCheckpoint
	if gguf.Is(path) {
		read = list.readGGUF
	}
	if err := read(path); err != nil {
		return nil, err
	}
	list.sum()
	if info.IsDir() {
		list.Size = list.Totals.Bytes
	}
	return list, nil
}

func (l *Listing) readGGUF(path string) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l.Format, l.Size = fmt.Sprintf("GGUF version %d", f.Version()), f.Size()
	if n := len(f.Paths()); n > 1 {
		l.Format += fmt.Sprintf(", %d parts", n)
	}
	for _, kv := range f.Keys() {
		l.Metadata = append(l.Metadata, gguf.KV{Key: strings.Clone(kv.Key), Value: kv.Value})
	}
	if arch, config, err := archs.Describe(f); err == nil {
		if row, err := fit.AsItIs(arch, config, f); err == nil {
			l.AsItIs = &row
		}
		l.Memory, _ = fit.Table(arch, config, f) // package check reports what is wrong with it
	}
	for _, t := range f.Tensors() {
		l.Tensors = append(l.Tensors, Tensor{t.Name, t.Type.String(), t.Shape, t.Part, &t.Offset, t.Size, t.Elements()})
	}
	return nil
}

func (l *Listing) readCheckpoint(path string) error {
	f, err := formats.Open(path)
	if err != nil {
		if m, old := imatrix.Read(path); old == nil {
			l.readMatrix(m)
			return nil
		}
		return err
	}
	defer f.Close()
	l.Format = f.Format
	if arch, ok := archs.Detect(f.Shape); ok {
		if config, err := arch.FromShapes(f.Shape); err == nil { // package check reports why not
			l.Metadata = append([]gguf.KV{{Key: "architecture", Value: arch.Name}}, arch.Keys(config)...)
			l.Memory, _ = fit.Table(arch, config, nil)
		}
	}
	for _, t := range f.Tensors {
		shape := t.Shape
		if shape == nil {
			shape = []int64{}
		}
		n := t.Elements()
		l.Tensors = append(l.Tensors, Tensor{t.Name, t.DType.String(), shape, 0, nil, n * t.DType.Size(), n})
	}
	return nil
}

// readMatrix lists an importance matrix in the format before GGUF.
func (l *Listing) readMatrix(m *imatrix.Matrix) {
	l.Format = "importance matrix of llama.cpp, before GGUF"
	l.Metadata = []gguf.KV{{Key: "imatrix.datasets", Value: m.Datasets}, {Key: "imatrix.chunk_count", Value: uint32(m.Chunks)}}
	for _, e := range m.Entries {
		n := int64(len(e.Squares))
		l.Tensors = append(l.Tensors, Tensor{Name: e.Name, Type: gguf.F32.String(), Shape: []int64{n}, Size: 4 * n, elements: n})
	}
}

func (l *Listing) sum() {
	byType := map[string]int{}
	for _, t := range l.Tensors {
		at, ok := byType[t.Type]
		if !ok {
			at = len(l.Totals.Types)
			byType[t.Type] = at
			l.Totals.Types = append(l.Totals.Types, TypeTotal{Type: t.Type})
		}
		sum := &l.Totals.Types[at]
		sum.Tensors++
		sum.Parameters += t.elements
		sum.Bytes += t.Size
		l.Totals.Parameters += t.elements
		l.Totals.Bytes += t.Size
	}
	l.Totals.Tensors = len(l.Tensors)
	if l.Totals.Parameters > 0 {
		l.Totals.BitsPerWeight = float.Number(8 * float64(l.Totals.Bytes) / float64(l.Totals.Parameters))
	}
}
