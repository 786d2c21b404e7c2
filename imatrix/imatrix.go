// Package imatrix reads, merges and writes importance matrices. An importance matrix says how strongly each input channel of each matrix
// of a model is used. Package quant rounds the elements of such channels more carefully.
//
// Read takes files of llama-imatrix, in GGUF or in the older format (.dat). Matrix.Merge adds the matrix of another text. Matrix.Write
// writes GGUF, which llama-quantize reads too. docs/format/imatrix.md describes it. A Matrix belongs to one goroutine at a time.
//
// Limits: it does not read the matrices of models with experts.
package imatrix

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Matrix is an importance matrix. The zero value is an empty one.
type Matrix struct {
	Datasets  []string // the names of the texts
	Chunks    int      // the number of chunks of the texts
	ChunkSize int      // in tokens
	Entries   []Entry  // sorted by name

	// Of names the model and the last text, so that collecting can continue. It is empty in files of llama.cpp and in merged files.
	Of Origin
}

// Origin names a model by its identity and a text by its SHA-256, both in hexadecimal digits.
type Origin struct{ Model, Text string }

// Entry holds the sums for one tensor of the model.
type Entry struct {
	Name    string
	Squares []float64 // for each input channel the sum of its squares
	Tokens  int64     // the number of tokens that were summed up
}

// Kind is the value of the key general.type in a file.
const Kind = "imatrix"

// The other names of the format.
const (
	keyDatasets  = "imatrix.datasets"
	keyChunks    = "imatrix.chunk_count"
	keyChunkSize = "imatrix.chunk_size"
	keyModel     = "gosling.imatrix.model"
	keyText      = "gosling.imatrix.text"
	sumsSuffix   = ".in_sum2"
	countsSuffix = ".counts"
	meansSuffix  = ".in_sum" // the sums of the channels themselves, which no quantizer here uses
)

// find returns the index of an entry.
func (m *Matrix) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m.Entries, name, func(e Entry, name string) int { return cmp.Compare(e.Name, name) })
}

// Weights returns the mean of the squares of each input channel of a tensor, as quantizers want it, and whether the matrix has the tensor.
// An entry of no tokens gives 1 for every channel.
func (m *Matrix) Weights(name string) ([]float32, bool) {
	i, ok := m.find(name)
	if !ok {
		return nil, false
	}
	e := m.Entries[i]
	w := make([]float32, len(e.Squares))
	for i, x := range e.Squares {
		w[i] = 1
		if e.Tokens > 0 {
			w[i] = float32(x) / float32(e.Tokens)
		}
	}
	return w, true
}

// Add adds the sums of an entry to those of its tensor.
func (m *Matrix) Add(e Entry) error {
	i, ok := m.find(e.Name)
	if !ok {
		e.Squares = slices.Clone(e.Squares)
		m.Entries = slices.Insert(m.Entries, i, e)
		return nil
	}
	to := &m.Entries[i]
	if len(to.Squares) != len(e.Squares) {
		return fmt.Errorf("tensor %q has %d input channels here and %d elsewhere: the matrices belong to different models", e.Name, len(e.Squares), len(to.Squares))
	}
	for j, x := range e.Squares {
		to.Squares[j] += x
	}
	to.Tokens += e.Tokens
	return nil
}

// Merge adds everything of another matrix.
func (m *Matrix) Merge(o *Matrix) error {
	if m.ChunkSize != o.ChunkSize && m.Chunks > 0 && o.Chunks > 0 {
		return fmt.Errorf("its chunks have %d tokens, others have %d: matrices with different chunks cannot be merged", o.ChunkSize, m.ChunkSize)
	}
	for _, e := range o.Entries {
		if err := m.Add(e); err != nil {
			return err
		}
	}
	m.Datasets = append(slices.Clip(m.Datasets), o.Datasets...)
	m.Chunks += o.Chunks
	m.ChunkSize = cmp.Or(m.ChunkSize, o.ChunkSize)
	return nil
}

// MaxSums is the maximum number of sums in a file: four times as many as a model of 72 billion parameters has input channels.
const MaxSums = 1 << 25

// Read reads a file of either format, which it recognizes by the first bytes. Errors name the file.
func Read(path string) (*Matrix, error) {
	head, size, err := infile.Head(path, filekind.HeadSize)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("GGUF")) {
		return openGGUF(path)
	}
	if what := filekind.Recognize(head, "importance matrix"); what != "" {
		return nil, fmt.Errorf("%s: %s", path, what)
	}
	file, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := readLegacy(io.NewSectionReader(file, 0, size), size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func openGGUF(path string) (*Matrix, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := readGGUF(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func readGGUF(f *gguf.File) (*Matrix, error) {
	if t, _ := f.String("general.type"); t != Kind {
		return nil, fmt.Errorf("general.type is %s, want %q: the file is not an importance matrix", excerpt.Of(t), Kind)
	}
	m := &Matrix{}
	var ok [3]bool
	m.Datasets, ok[0] = f.Strings(keyDatasets)
	m.Datasets = slices.Clone(m.Datasets)
	chunks, size := uint64(0), uint64(0)
	chunks, ok[1] = f.Uint(keyChunks)
	size, ok[2] = f.Uint(keyChunkSize)
	for i, key := range []string{keyDatasets, keyChunks, keyChunkSize} {
		if !ok[i] {
			return nil, fmt.Errorf("key %q is missing or of another type", key)
		}
	}
	if chunks > math.MaxInt32 || size > math.MaxInt32 {
		return nil, fmt.Errorf("%d chunks of %d tokens: the file is damaged", chunks, size)
	}
	m.Chunks, m.ChunkSize = int(chunks), int(size)
	m.Of.Model, _ = f.String(keyModel)
	m.Of.Text, _ = f.String(keyText)
	sums := int64(0)
	for _, t := range f.Tensors() {
		if sums += t.Elements(); sums > MaxSums {
			return nil, fmt.Errorf("tensor %q: more than %d sums in all: no importance matrix has that many", t.Name, MaxSums)
		}
		e, err := readEntry(f, t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if e.Name != "" {
			m.Entries = append(m.Entries, e)
		}
	}
	if len(m.Entries) == 0 {
		return nil, fmt.Errorf("the file has no sums for any tensor")
	}
	slices.SortFunc(m.Entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return m, nil
}

// readEntry reads the sums in t and their count. For tensors that are not sums it returns an empty entry.
func readEntry(f *gguf.File, t gguf.Tensor) (Entry, error) {
	if name, ok := strings.CutSuffix(t.Name, countsSuffix); ok {
		if _, ok := f.Tensor(name + sumsSuffix); !ok {
			return Entry{}, fmt.Errorf("the sums %q that it counts are missing", name+sumsSuffix)
		}
		return Entry{}, nil
	}
	if strings.HasSuffix(t.Name, meansSuffix) {
		return Entry{}, nil
	}
	name, ok := strings.CutSuffix(t.Name, sumsSuffix)
	if !ok || name == "" {
		return Entry{}, fmt.Errorf("want a name that ends with %s or %s", sumsSuffix, countsSuffix)
	}
	counts, ok := f.Tensor(name + countsSuffix)
	switch {
	case !ok:
		return Entry{}, fmt.Errorf("its count %q is missing", name+countsSuffix)
	case t.Type != gguf.F32 || counts.Type != gguf.F32:
		return Entry{}, fmt.Errorf("its sums are %s and their count %s, want F32", t.Type, counts.Type)
	case counts.Elements() != 1:
		return Entry{}, fmt.Errorf("it has %d counts: models with experts are not supported", counts.Elements())
	case t.Elements() == 0:
		return Entry{}, fmt.Errorf("it is empty")
	}
	e := Entry{Name: name, Squares: make([]float64, t.Elements())}
	sums, err := floats(f, t)
	if err != nil {
		return Entry{}, err
	}
	for i, x := range sums {
		if e.Squares[i] = float64(x); !(x >= 0) || !float.Finite(x) {
			return Entry{}, fmt.Errorf("element %d is %v, which is not a sum of squares: the file is damaged", i, x)
		}
	}
	count, err := floats(f, counts)
	if err != nil {
		return Entry{}, err
	}
	n := float64(count[0])
	if !(n >= 0 && n <= 1<<62) {
		return Entry{}, fmt.Errorf("its count is %v: the file is damaged", n)
	}
	e.Tokens = int64(math.Round(n))
	return e, nil
}

// floats reads the elements of an F32 tensor.
func floats(f *gguf.File, t gguf.Tensor) ([]float32, error) {
	data := make([]byte, t.Size)
	if err := f.ReadAt(t, data, 0); err != nil {
		return nil, err
	}
	x := make([]float32, t.Elements())
	float.DecodeF32(x, data)
	return x, nil
}

// Write writes a file. It replaces an existing one only with force.
func (m *Matrix) Write(path string, force bool) error {
	f, err := atomicfile.Create(path, atomicfile.Options{Force: force})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := m.encode(f); err != nil {
		return err
	}
	return f.Commit()
}

// encode writes the contents of a file.
func (m *Matrix) encode(to io.WriterAt) error {
	datasets := []string{}
	for _, d := range m.Datasets {
		datasets = append(datasets, gguf.Text(d, math.MaxInt))
	}
	h := gguf.Header{Keys: []gguf.KV{
		{Key: "general.type", Value: Kind},
		{Key: keyDatasets, Value: datasets},
		{Key: keyChunks, Value: uint32(m.Chunks)},
		{Key: keyChunkSize, Value: uint32(m.ChunkSize)},
	}}
	if m.Of != (Origin{}) {
		h.Keys = append(h.Keys, gguf.KV{Key: keyModel, Value: m.Of.Model}, gguf.KV{Key: keyText, Value: m.Of.Text})
	}
	for _, e := range m.Entries {
		h.Tensors = append(h.Tensors,
			gguf.Tensor{Name: e.Name + sumsSuffix, Type: gguf.F32, Shape: []int64{int64(len(e.Squares))}},
			gguf.Tensor{Name: e.Name + countsSuffix, Type: gguf.F32, Shape: []int64{1}})
	}
	w, err := gguf.NewWriter(to, h)
	if err != nil {
		return err
	}
	for i, e := range m.Entries {
		var sums []byte
		for channel, x := range e.Squares {
			if !(x >= 0 && x <= math.MaxFloat32) {
				return fmt.Errorf("tensor %q: the squares of channel %d add up to %g, which the file cannot hold: the weights are damaged", e.Name, channel, x)
			}
			sums = binary.LittleEndian.AppendUint32(sums, math.Float32bits(float32(x)))
		}
		count := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(e.Tokens)))
		if err := errors.Join(w.WriteAt(2*i, sums, 0), w.WriteAt(2*i+1, count, 0)); err != nil {
			return err
		}
	}
	return w.Close()
}
