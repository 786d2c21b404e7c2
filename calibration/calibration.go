// Package calibration reads, writes and adds up files of the second moments of what goes into the matrices of a model. Package quant rounds
// matrices by them.
//
// The moments of one matrix may take half a gigabyte. So files are read and written one matrix at a time. docs/format/calibration.md
// describes them. A File may be shared between goroutines, a Writer belongs to one at a time.
package calibration

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rounding"
)

// Info says what moments were collected from.
type Info struct {
	Model     string   // the name of the model
	Datasets  []string // the names of the texts
	ChunkSize int      // in tokens

	// Of names the model and the text, so that collecting can continue. It is empty in files that were added up.
	Of imatrix.Origin
}

// Entry describes the moments of one matrix.
type Entry struct {
	Name   string // of the model's tensor
	Inputs int64
	Chunks int // that were read; 0 if the matrix is not collected yet

	Weights Weights // of the matrix
}

// Kind is the value of the key general.type in a file.
const Kind = "calibration"

const (
	keyName      = "general.name"
	keyDatasets  = "gosling.calibration.datasets"
	keyChunkSize = "gosling.calibration.chunk_size"
	keyChunks    = "gosling.calibration.chunks" // of each tensor
	keyWeights   = "gosling.calibration.weights"
	keyModel     = "gosling.calibration.model"
	keyText      = "gosling.calibration.text"
	suffix       = ".moments"
)

// File is an open file.
type File struct {
	Info
	Entries []Entry // in the order in which the model computes
	file    *gguf.File
}

// Open opens a file. Errors name it. The caller closes it.
func Open(path string) (*File, error) {
	g, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: g}
	if err := f.header(); err != nil {
		g.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Path returns the path of the file.
func (f *File) Path() string { return f.file.Path() }

func (f *File) header() error {
	if t, _ := f.file.String("general.type"); t != Kind {
		return fmt.Errorf("general.type is %s, want %q: the file holds no second moments", excerpt.Of(t), Kind)
	}
	size, ok := f.file.Uint(keyChunkSize)
	if !ok || size == 0 || size > math.MaxInt32 {
		return fmt.Errorf("key %q is missing or damaged", keyChunkSize)
	}
	datasets, ok := f.file.Strings(keyDatasets)
	if !ok {
		return fmt.Errorf("key %q is missing or of another type", keyDatasets)
	}
	name, _ := f.file.String(keyName)
	f.Info = Info{Model: strings.Clone(name), Datasets: slices.Clone(datasets), ChunkSize: int(size)}
	f.Of.Model, _ = f.file.String(keyModel)
	f.Of.Text, _ = f.file.String(keyText)
	if err := f.entries(); err != nil {
		return err
	}
	return f.weights()
}

func (f *File) entries() error {
	v, _ := f.file.Value(keyChunks)
	chunks, _ := v.([]uint32)
	tensors := f.file.Tensors()
	if len(chunks) != len(tensors) || len(tensors) == 0 {
		return fmt.Errorf("%d tensors and %d numbers of chunks: the file is damaged", len(tensors), len(chunks))
	}
	for i, t := range tensors {
		name, ok := strings.CutSuffix(t.Name, suffix)
		inputs := int64(math.Sqrt(2 * float64(t.Elements())))
		if !ok || name == "" || t.Type != gguf.F32 || len(t.Shape) != 1 || inputs == 0 || rounding.Triangle(inputs) != t.Elements() || chunks[i] > math.MaxInt32 {
			return fmt.Errorf("tensor %q is %s %v of %d chunks: want a name that ends with %s, and F32 numbers of a triangle", t.Name, t.Type, t.Shape, chunks[i], suffix)
		}
		f.Entries = append(f.Entries, Entry{Name: name, Inputs: inputs, Chunks: int(chunks[i])})
	}
	return nil
}

// UnfinishedError is the error of a file whose collecting was stopped.
type UnfinishedError struct{ path, reason string }

func (e *UnfinishedError) Error() string { return e.path + ": " + e.reason }

// Finished returns an *UnfinishedError if matrices are missing or were collected from a part of the text.
func (f *File) Finished() error {
	most, done := 0, 0
	for _, e := range f.Entries {
		most = max(most, e.Chunks)
	}
	for _, e := range f.Entries {
		if e.Chunks == most && most > 0 {
			done++
		}
	}
	if done < len(f.Entries) {
		return &UnfinishedError{f.Path(), fmt.Sprintf("is not finished: it has the moments of %d of %d matrices", done, len(f.Entries))}
	}
	return nil
}

// Find returns the entry of a tensor of the model, and whether there is one.
func (f *File) Find(name string) (Entry, bool) {
	i := slices.IndexFunc(f.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return f.Entries[i], true
}

// Moments reads the moments of a tensor of the model: the lower triangle of [inputs, inputs], row by row, summed over all tokens. It stops
// when ctx ends.
func (f *File) Moments(ctx context.Context, name string) ([]float32, error) {
	t, ok := f.file.Tensor(name + suffix)
	if !ok {
		return nil, fmt.Errorf("%s: holds nothing of tensor %q", f.Path(), name)
	}
	x := make([]float32, t.Elements())
	data := make([]byte, min(t.Size, pieceBytes))
	for at := int64(0); at < t.Size; at += int64(len(data)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data = data[:min(int64(len(data)), t.Size-at)]
		if err := f.file.ReadAt(t, data, at); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		part := x[at/4:][:len(data)/4]
		float.DecodeF32(part, data)
		if i := float.FirstNotFinite(part); i >= 0 {
			return nil, fmt.Errorf("%s: tensor %q: element %d is %v: the file is damaged", f.Path(), t.Name, at/4+int64(i), part[i])
		}
	}
	return x, nil
}

// Squares reads the sum of the squares of each input of a tensor of the model. It stops when ctx ends.
func (f *File) Squares(ctx context.Context, name string) ([]float32, error) {
	t, ok := f.file.Tensor(name + suffix)
	e, _ := f.Find(name)
	if !ok {
		return nil, fmt.Errorf("%s: holds nothing of tensor %q", f.Path(), name)
	}
	x, data := make([]float32, e.Inputs), make([]byte, 4)
	for i := range x {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.file.ReadAt(t, data, 4*(rounding.Triangle(int64(i)+1)-1)); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		if float.DecodeF32(x[i:i+1], data); !(x[i] >= 0) || !float.Finite(x[i]) {
			return nil, fmt.Errorf("%s: tensor %q: the sum of the squares of input %d is %v: the file is damaged", f.Path(), t.Name, i, x[i])
		}
	}
	return x, nil
}

// pieceBytes is how much is encoded or decoded at a time.
const pieceBytes = 1 << 20

// Writer writes a file, one matrix at a time.
type Writer struct {
	file *atomicfile.File
	gguf *gguf.Writer
}

// Create begins a file. It replaces an existing one only with force. Nothing is at the path before Commit. The caller must call Close.
func Create(path string, force bool, info Info, entries []Entry) (*Writer, error) {
	file, err := atomicfile.Create(path, atomicfile.Options{Force: force})
	if err != nil {
		return nil, err
	}
	w, err := gguf.NewWriter(file, header(info, entries))
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Writer{file, w}, nil
}

// header is the header of a file. Its length does not depend on the numbers of chunks.
func header(info Info, entries []Entry) (h gguf.Header) {
	datasets := []string{}
	for _, d := range info.Datasets {
		datasets = append(datasets, gguf.Text(d, math.MaxInt))
	}
	chunks := []uint32{}
	for _, e := range entries {
		chunks = append(chunks, uint32(e.Chunks))
		h.Tensors = append(h.Tensors, gguf.Tensor{Name: e.Name + suffix, Type: gguf.F32, Shape: []int64{rounding.Triangle(e.Inputs)}})
	}
	h.Keys = []gguf.KV{
		{Key: "general.type", Value: Kind},
		{Key: keyName, Value: gguf.Text(info.Model, math.MaxInt)},
		{Key: keyDatasets, Value: datasets},
		{Key: keyChunkSize, Value: uint32(info.ChunkSize)},
		{Key: keyChunks, Value: chunks},
		{Key: keyWeights, Value: samples(entries)},
	}
	if info.Of != (imatrix.Origin{}) {
		h.Keys = append(h.Keys, gguf.KV{Key: keyModel, Value: info.Of.Model}, gguf.KV{Key: keyText, Value: info.Of.Text})
	}
	return h
}

// Put writes the moments of entry i. It stops when ctx ends.
func (w *Writer) Put(ctx context.Context, i int, moments []float32) error {
	return put(ctx, w.gguf, i, moments)
}

// put writes the moments of entry i. It stops when ctx ends.
func put(ctx context.Context, w *gguf.Writer, i int, moments []float32) error {
	if at := float.FirstNotFinite(moments); at >= 0 {
		return fmt.Errorf("the moments of tensor %q add up to %v, which the file cannot hold: the weights are damaged", w.Tensors()[i].Name, moments[at])
	}
	data := make([]byte, min(pieceBytes, 4*len(moments)))
	for at := 0; at < len(moments); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(data)/4, len(moments)-at)
		float.EncodeF32(data[:4*n], moments[at:at+n])
		if err := w.WriteAt(i, data[:4*n], 4*int64(at)); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// Commit puts the file in its place, after Put of every entry.
func (w *Writer) Commit() error {
	if err := w.gguf.Close(); err != nil {
		return err
	}
	return w.file.Commit()
}

// Close removes what was not committed.
func (w *Writer) Close() error { return w.file.Close() }

// Merge adds up files of one model and writes the sums to a file. It returns what that holds. When ctx ends, there is no file.
func Merge(ctx context.Context, paths []string, to string, force bool) (Info, []Entry, error) {
	var files []*File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for _, path := range paths {
		f, err := Open(path)
		if err != nil {
			return Info{}, nil, err
		}
		files = append(files, f)
		if err := f.Finished(); err != nil {
			return Info{}, nil, err
		}
	}
	if len(files) == 0 {
		return Info{}, nil, fmt.Errorf("no files to add up")
	}
	info, entries, err := sum(files)
	if err != nil {
		return Info{}, nil, err
	}
	w, err := Create(to, force, info, entries)
	if err != nil {
		return Info{}, nil, err
	}
	defer w.Close()
	for i, e := range entries {
		total, err := files[0].Moments(ctx, e.Name)
		for _, f := range files[1:] {
			var x []float32
			if err == nil {
				x, err = f.Moments(ctx, e.Name)
			}
			for i, v := range x {
				total[i] += v
			}
		}
		if err == nil {
			err = w.Put(ctx, i, total)
		}
		if err != nil {
			return Info{}, nil, err
		}
	}
	for _, f := range files { // the output may be one of them
		f.Close()
	}
	files = nil
	return info, entries, w.Commit()
}

// sum returns the header of the sum of files.
func sum(files []*File) (Info, []Entry, error) {
	info, entries := files[0].Info, slices.Clone(files[0].Entries)
	info.Datasets = slices.Clip(info.Datasets)
	if len(files) > 1 {
		info.Of = imatrix.Origin{}
	}
	for _, f := range files[1:] {
		if f.ChunkSize != info.ChunkSize {
			return info, nil, fmt.Errorf("%s: its chunks have %d tokens, others have %d: files with different chunks cannot be added up", f.Path(), f.ChunkSize, info.ChunkSize)
		}
		if len(f.Entries) != len(entries) {
			return info, nil, fmt.Errorf("%s: has %d matrices, others have %d: the files belong to different models", f.Path(), len(f.Entries), len(entries))
		}
		var apart Difference
		for i := range entries {
			e := f.Entries[i]
			if e.Name != entries[i].Name || e.Inputs != entries[i].Inputs {
				return info, nil, fmt.Errorf("%s: %q has %d inputs there, and %q has %d elsewhere: the files belong to different models", f.Path(), e.Name, e.Inputs, entries[i].Name, entries[i].Inputs)
			}
			entries[i].Chunks += e.Chunks
			apart.Add(entries[i].Weights, e.Weights)
		}
		if err := f.Accept(apart); err != nil {
			return info, nil, fmt.Errorf("%w from those of %s: files of different models cannot be added up", err, files[0].Path())
		}
		info.Datasets = append(info.Datasets, f.Datasets...)
	}
	return info, entries, nil
}
