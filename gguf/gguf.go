// Package gguf reads, writes and checks GGUF files: the metadata and tensors of a model in one file.
//
// # Reading
//
// Open maps a file and reads its header. File.Value and its typed forms return metadata, File.Tensor and File.Tensors say where tensors
// lie. The bytes of a tensor are read on request: File.ReadAt copies them, File.Data returns them in the mapping. Open checks every count,
// length and offset of the header against the file, so memory is bounded by the length of the header. A tensor that Open returned lies
// completely in the file, is aligned, and overlaps no other. A broken file gives a *FormatError.
//
// llama-gguf-split cuts a model into several files. Open takes the name of any of them and returns the whole model.
//
// # Checking
//
// Check uses the same rules and a few more, and returns everything that is wrong with a file.
//
// # Writing
//
// NewWriter gets all keys and tensors and writes the header at once. Then the bytes of tensors may come in any order, in pieces, from many
// goroutines. Writer.Close reports bytes that never came.
//
// # Limits
//
// The package reads versions 2 and 3 of the format and writes version 3, little-endian only. A header has at most MaxHeader bytes. The
// package does not convert elements.
package gguf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/mmap"
)

// FormatError reports bytes that are not GGUF. The error that wraps it names the file.
type FormatError struct {
	Offset int64  // where in the file
	Part   string // what was being read, such as `tensor "output.weight"`
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s at byte %d: %s", e.Part, e.Offset, e.Reason)
}

// File is an open GGUF file, or all files of a split model. It may be shared between goroutines. Close must be called alone, and last.
type File struct {
	path  string
	parts []part
	contents
}

// part is one file, with what its own header says.
type part struct {
	path string
	file *mmap.Map
	contents
}

// contents is what the header of a file says.
type contents struct {
	version    uint32
	alignment  int64
	dataOffset int64
	keys       []KV
	tensors    []Tensor
	key        map[string]int // index into keys
	tensor     map[string]int // index into tensors
}

// Open maps the file and reads its header. For one file of a split model it opens the whole model. Bytes that are not GGUF give a
// *FormatError, wrapped with the path. The caller closes the file.
func Open(path string) (*File, error) {
	p, err := openPart(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, parts: []part{p}, contents: p.contents}
	if f.isPart() {
		return openAll(f)
	}
	return f, nil
}

// Is reports whether a path names a GGUF file. It looks at the first bytes, or at the ending of the name if they cannot be read.
func Is(path string) bool {
	head, _, err := infile.Head(path, int64(len(magic)))
	if err != nil {
		return strings.EqualFold(filepath.Ext(path), ".gguf")
	}
	return string(head) == magic
}

// openPart opens one file.
func openPart(path string) (part, error) {
	file, err := mmap.Open(path)
	if err != nil {
		return part{}, err
	}
	var p *parser
	if err := file.View(func(b []byte) { p = parse(b) }); err != nil {
		return part{}, errors.Join(err, file.Close())
	}
	if len(p.errs) > 0 {
		err := foreign(file, p.errs[0])
		file.Close()
		return part{}, fmt.Errorf("%s: %w", path, err)
	}
	p.file, p.data = nil, nil // of the mapping, which nothing touches from here on
	return part{path, file, p.contents}, nil
}

// foreign is the error of a header, or a better one for a file that is known to be something else.
func foreign(file *mmap.Map, err error) error {
	head := make([]byte, min(file.Size(), filekind.HeadSize))
	if _, readErr := file.ReadAt(head, 0); readErr != nil {
		return errors.Join(err, readErr)
	}
	if what := filekind.Recognize(head, "model"); what != "" && len(head) > 0 {
		return errors.New(what)
	}
	return err
}

// Close closes the file. The slices that Data and Bytes returned must not be used afterwards. It is safe to call twice.
func (f *File) Close() error {
	var all error
	for _, p := range f.parts {
		all = errors.Join(all, p.file.Close())
	}
	return all
}

// Path returns the path that was given to Open.
func (f *File) Path() string { return f.path }

// Paths lists the files of the model by the numbers of their parts. There is one unless the model is split.
func (f *File) Paths() []string {
	var paths []string
	for _, p := range f.parts {
		paths = append(paths, p.path)
	}
	return paths
}

// Size is the length of the file, or of all parts together, in bytes.
func (f *File) Size() int64 {
	n := int64(0)
	for _, p := range f.parts {
		n += p.file.Size()
	}
	return n
}

// Version is the version of the format, 2 or 3. For a split model, Version and Alignment are those of the first part.
func (f *File) Version() uint32 { return f.version }

// Alignment is a power of two. The offset of every tensor is a multiple of it.
func (f *File) Alignment() int64 { return f.alignment }

// Keys returns the metadata in file order. For a split model it is that of the first part, without the keys about parts. Slices among the
// values belong to the file and must not be changed.
func (f *File) Keys() []KV { return slices.Clone(f.keys) }

// Value returns the value of a key as KV describes it.
func (f *File) Value(key string) (any, bool) {
	i, ok := f.key[key]
	if !ok {
		return nil, false
	}
	return f.keys[i].Value, true
}

// String returns the value of a key that holds a string.
func (f *File) String(key string) (string, bool) { return value[string](f, key) }

// Bool returns the value of a key that holds a bool.
func (f *File) Bool(key string) (bool, bool) { return value[bool](f, key) }

// Strings returns the value of a key that holds an array of strings. The slice belongs to the file and must not be changed.
func (f *File) Strings(key string) ([]string, bool) { return value[[]string](f, key) }

func value[T any](f *File, key string) (T, bool) {
	v, _ := f.Value(key)
	t, ok := v.(T)
	return t, ok
}

// Uint returns the value of a key that holds an integer of any type that is not negative.
func (f *File) Uint(key string) (uint64, bool) {
	v, _ := f.Value(key)
	return Unsigned(v)
}

// Tensors returns the tensors in file order. Their shapes belong to the file and must not be changed.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.tensor[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Data returns the bytes of a tensor in the mapped file, read-only and valid until Close. If the file is cut short, reading the
// missing bytes ends the process. ReadAt returns an error instead.
func (f *File) Data(t Tensor) []byte { return f.parts[t.Part].file.Bytes()[t.Offset:t.end():t.end()] }

// Bytes returns a whole part in the mapped file, read-only and valid until Close, for devices that compute on it. As with Data,
// reading bytes that were cut off ends the process.
func (f *File) Bytes(part int) []byte { return f.parts[part].file.Bytes() }

// ReadAt reads bytes of a tensor of this file, from an offset within it. It may be called from many goroutines. A file that was
// cut short since Open gives an error that wraps ErrChanged.
func (f *File) ReadAt(t Tensor, dst []byte, offset int64) error {
	if offset < 0 || offset > t.Size || int64(len(dst)) > t.Size-offset {
		return fmt.Errorf("%s has %d bytes, %d at %d are not among them", quote("tensor", t.Name), t.Size, len(dst), offset)
	}
	_, err := f.parts[t.Part].file.ReadAt(dst, t.Offset+offset)
	return err
}

// ErrChanged is wrapped by errors about a file that was written to or cut short since Open.
var ErrChanged = mmap.ErrChanged

// Changed returns an error that wraps ErrChanged if a file of the model was written to or cut short since Open.
func (f *File) Changed() error {
	for _, p := range f.parts {
		if err := p.file.Changed(); err != nil {
			return err
		}
	}
	return nil
}
