// Package checkpoint defines a training checkpoint for the rest of the program: a list of named tensors. Their elements are read from
// the file on request, in pieces of any size.
//
// checkpoint/formats opens a checkpoint of any format. The containers are in checkpoint/pth, checkpoint/safetensors and
// checkpoint/rwkvcpp: each has a Read, which Open takes. checkpoint/dialect translates the names and layouts of other programs into those
// of the authors' .pth files. checkpoint/adapter merges low-rank fine-tuning.
//
// Limits: tensors are read, never changed.
package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// File is an open checkpoint. Several goroutines may read its tensors at once, until it is closed.
type File struct {
	Path    string
	Format  string   // what the file is, for people: "PyTorch zip"
	Tensors []Tensor // in the file's order
	Others  []string // names of the entries that are not tensors, such as "_strategy" of a converted file

	Safetensors bool      // the container is safetensors, the only one that web-rwkv writes
	Dialect     string    // the program whose names and layout the file has, as checkpoint/dialect calls it. Empty for the authors'
	Swapped     bool      // the file has tuned states as [heads, key, value]. Here they are [heads, value, key]
	Unclear     error     // why the tensors do not tell the layout. Nil if they do
	Settings    *Settings // the config.json beside the tensors. Nil if there is none
	Sums        []Sum     // the checksums in the container

	Closer io.Closer // closes what the tensors read from. May be nil
}

// Close closes the file. Its tensors cannot be read afterwards. It is safe to call twice.
func (f *File) Close() error {
	c := f.Closer
	f.Closer = nil
	if c == nil {
		return nil
	}
	return c.Close()
}

// Tensor returns the tensor of that name, and whether there is one.
func (f *File) Tensor(name string) (Tensor, bool) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// Shape returns the shape of the tensor of that name, and whether there is one.
func (f *File) Shape(name string) ([]int64, bool) {
	t, ok := f.Tensor(name)
	return t.Shape, ok
}

// Tensor is one tensor of a checkpoint.
type Tensor struct {
	Name  string
	DType DType
	Shape []int64 // in PyTorch's order, slowest dimension first; empty for a scalar

	// Data holds the elements in row-major order without gaps, little-endian. It is safe for concurrent use. If the file stores the
	// elements in this form, Data is an *io.SectionReader of the file.
	Data io.ReaderAt
}

// Elements is the number of elements of the tensor.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// ReadFloats fills dst with the elements from index start on, in row-major order, as float32. F64 is rounded. A type other than F32, F16,
// BF16 and F64 is an error. An element beyond the range of float32 is an error too. It is safe for concurrent use.
func (t Tensor) ReadFloats(dst []float32, start int64) error {
	format := t.DType.Format()
	if format == 0 {
		return fmt.Errorf("tensor %q holds %s, want F32, F16, BF16 or F64 weights", t.Name, t.DType)
	}
	if n := t.Elements(); start < 0 || start > n || int64(len(dst)) > n-start {
		return fmt.Errorf("tensor %q: elements %d to %d are asked for, it has %d", t.Name, start, start+int64(len(dst)), n)
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	size := t.DType.Size()
	for len(dst) > 0 {
		n := min(int64(len(dst)), int64(len(*buf))/size)
		if err := readFull(t.Data, (*buf)[:n*size], start*size); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		format.Decode(dst[:n], (*buf)[:n*size])
		if i := beyond(t.DType, dst[:n], (*buf)[:n*size]); i >= 0 {
			return fmt.Errorf("tensor %q: element %d is larger than float32 holds", t.Name, start+int64(i))
		}
		dst, start = dst[n:], start+n
	}
	return nil
}

// beyond is the index of the first finite F64 element of src that is infinite as float32, or -1.
func beyond(d DType, dst []float32, src []byte) int {
	if d != F64 {
		return -1
	}
	for i, x := range dst {
		if !float.Finite(x) && float.Finite(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))) {
			return i
		}
	}
	return -1
}

// ReadBytes fills dst with the elements' bytes from offset on. It is safe for concurrent use. Errors do not name the tensor.
func (t Tensor) ReadBytes(dst []byte, offset int64) error { return readFull(t.Data, dst, offset) }

// buffers holds the pieces in which ReadFloats reads.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 256<<10)
	return &b
}}

// readFull fills p from off, or says why not: a reader may answer the last bytes with io.EOF.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
