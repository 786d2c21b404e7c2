package ggml

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/gosling-rwkv/gosling/bindings"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Tensor is a value that names an n-dimensional array: a weight, a state, an input, or the result of an operation in a
// graph. Shapes are written fastest dimension first. The zero Tensor stands for none.
type Tensor struct {
	g   *Graph // that it is a result in; nil for tensors of a Context
	lib *Library
	p   bindings.Tensor
	tag string // Name
	typ gguf.Type
	ne  [4]int64 // elements
	nb  [4]int64 // strides in bytes; nb[0] is the size of an element, or of a block

	elsewhere bool  // see Elsewhere
	part      int64 // see Matrix; 1 is the first, 0 is none
}

// IsZero reports whether the tensor stands for none.
func (t Tensor) IsZero() bool { return t.p == 0 }

// Named returns the tensor with a name. Results of operations on it do not have the name.
func (t Tensor) Named(name string) Tensor {
	t.tag = name
	return t
}

// Elsewhere returns the tensor as a matrix whose values are not in ggml's memory. Only Graph.Own can multiply with it.
func (t Tensor) Elsewhere() Tensor {
	t.elsewhere = true
	return t
}

// Matrix returns matrix i of a tensor [in, out, n] of a graph. If the tensor comes from Elsewhere, the matrix keeps the tensor's name, and
// its Part is i.
func (t Tensor) Matrix(i int64) Tensor {
	if !t.elsewhere || i < 0 || i >= t.ne[2] || t.ne[3] != 1 {
		return t.Slice(2, i, 1)
	}
	t.ne[2], t.part = 1, i+1
	return t
}

// Part returns i if the tensor is Matrix(i) of a tensor from Elsewhere. For other tensors ok is false.
func (t Tensor) Part() (i int64, ok bool) { return t.part - 1, t.part > 0 }

// Name returns the name that Named gave the tensor.
func (t Tensor) Name() string { return t.tag }

// Dim returns the number of elements along dimension i. Dimension 0 is the fastest.
func (t Tensor) Dim(i int) int64 { return t.ne[i] }

// shape is the dimensions without trailing ones, at least one.
func (t Tensor) shape() []int64 {
	n := 4
	for n > 1 && t.ne[n-1] == 1 {
		n--
	}
	return slices.Clone(t.ne[:n])
}

// Elements is the number of elements.
func (t Tensor) Elements() int64 { return t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3] }

// Rows is the number of rows of the fastest dimension.
func (t Tensor) Rows() int64 { return t.ne[1] * t.ne[2] * t.ne[3] }

// bytes is the number of bytes from the first to the last element.
func (t Tensor) bytes() int64 {
	if t.Elements() == 0 {
		return 0
	}
	n := t.ne[0] / t.typ.BlockSize() * t.nb[0]
	for i := 1; i < 4; i++ {
		n += (t.ne[i] - 1) * t.nb[i]
	}
	return n
}

// Stride returns the number of bytes from one element along dimension i to the next.
func (t Tensor) Stride(i int) int64 { return t.nb[i] }

// Contiguous reports whether the elements follow one another without gaps.
func (t Tensor) Contiguous() bool {
	want := t.nb
	fillStrides(&want, t.ne, t.typ)
	for i := range 4 {
		if t.ne[i] != 1 && t.nb[i] != want[i] {
			return false
		}
	}
	return true
}

func fillStrides(nb *[4]int64, ne [4]int64, typ gguf.Type) {
	nb[0] = typ.BlockBytes()
	nb[1] = ne[0] / typ.BlockSize() * nb[0]
	nb[2] = nb[1] * ne[1]
	nb[3] = nb[2] * ne[2]
}

// SetBytes copies data to the tensor. data has all bytes of the tensor, in the format of its type. The tensor must have been placed.
func (t Tensor) SetBytes(data []byte) error {
	if int64(len(data)) != t.bytes() {
		return fmt.Errorf("setting a tensor %v of %s to %d bytes, it has %d", t.shape(), t.typ, len(data), t.bytes())
	}
	return t.SetPart(data, 0)
}

// SetPart does the same as SetBytes for a part of the bytes. offset is the byte in the tensor at which data begins. The tensor must be in
// a buffer of the plain kind (Device.BufferType). Buffers of other kinds rearrange a matrix, so they need all of its bytes at once.
func (t Tensor) SetPart(data []byte, offset int64) error {
	if offset < 0 || offset+int64(len(data)) > t.bytes() || !t.Contiguous() {
		return fmt.Errorf("setting bytes %d to %d of a tensor %v of %s that has %d", offset, offset+int64(len(data)), t.shape(), t.typ, t.bytes())
	}
	if len(data) > 0 {
		t.lib.c.TensorSet(t.p, unsafe.Pointer(unsafe.SliceData(data)), uintptr(offset), uintptr(len(data)))
	}
	return nil
}

// readBytes copies bytes of the tensor, from offset on, out to data. The tensor must have been placed.
func (t Tensor) readBytes(data []byte, offset int64) error {
	if offset < 0 || offset+int64(len(data)) > t.bytes() {
		return fmt.Errorf("reading bytes %d to %d of a tensor that has %d", offset, offset+int64(len(data)), t.bytes())
	}
	if len(data) > 0 {
		t.lib.c.TensorGet(t.p, unsafe.Pointer(unsafe.SliceData(data)), uintptr(offset), uintptr(len(data)))
	}
	return nil
}

// ReadRows reads the rows of a matrix [n, rows] in any type, as floats, to x, [n, len(index)].
func (t Tensor) ReadRows(index []int32, x []float32) error {
	n, data := t.ne[0], make([]byte, t.nb[1])
	if int64(len(x)) != n*int64(len(index)) || !t.Contiguous() {
		return fmt.Errorf("reading %d rows of a tensor %v of %s to %d floats", len(index), t.shape(), t.typ, len(x))
	}
	for i, row := range index {
		if err := t.readBytes(data, int64(row)*t.nb[1]); err != nil {
			return err
		}
		if err := t.lib.Dequantize(t.typ, x[int64(i)*n:][:n], data); err != nil {
			return err
		}
	}
	return nil
}

// SetFloats does the same as SetBytes for an F32 tensor.
func (t Tensor) SetFloats(x []float32) error {
	if t.typ != gguf.F32 {
		return fmt.Errorf("setting a tensor of %s to floats", t.typ)
	}
	return t.SetBytes(bytesOf(x))
}

// WriteFloats copies x to elements of a contiguous F32 tensor in a buffer of the plain kind, from the element with index first on.
func (t Tensor) WriteFloats(x []float32, first int64) error {
	if t.typ != gguf.F32 {
		return fmt.Errorf("setting a tensor of %s to floats", t.typ)
	}
	return t.SetPart(bytesOf(x), 4*first)
}

// ReadFloats copies elements of an F32 tensor to x, from the element with index first on.
func (t Tensor) ReadFloats(x []float32, first int64) error {
	if t.typ != gguf.F32 {
		return fmt.Errorf("reading a tensor of %s as floats", t.typ)
	}
	return t.readBytes(bytesOf(x), 4*first)
}

// SetInts does the same as SetBytes for an I32 tensor.
func (t Tensor) SetInts(x []int32) error {
	if t.typ != gguf.I32 {
		return fmt.Errorf("setting a tensor of %s to integers", t.typ)
	}
	return t.SetBytes(bytesOf(x))
}

// bytesOf is the memory of x. All machines that ggml runs on and we build for are little-endian.
func bytesOf[T float32 | int32](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// Context owns the headers of tensors that outlive graphs: weights and state.
type Context struct {
	handle
	lib *Library
	p   bindings.Context
	n   int
}

// NewContext makes a context with room for n tensors. The caller closes it.
func (l *Library) NewContext(n int) (*Context, error) {
	p, err := l.headers(n, 0)
	if err != nil {
		return nil, err
	}
	return &Context{handle: newHandle(), lib: l, p: p, n: n}, nil
}

// New makes a tensor without memory. BufferType.Alloc or Device.Map gives it memory.
func (c *Context) New(typ gguf.Type, shape ...int64) (Tensor, error) {
	if c.n == 0 {
		return Tensor{}, fmt.Errorf("the context is full")
	}
	t, err := c.lib.describe(typ, shape)
	if err != nil {
		return Tensor{}, err
	}
	c.n--
	t.p = c.lib.c.NewTensor(c.p, int32(typ), t.ne[0], t.ne[1], t.ne[2], t.ne[3])
	return t, nil
}

// Close frees the headers and invalidates the tensors. It is safe to call twice.
func (c *Context) Close() {
	if c == nil || !c.shut() {
		return
	}
	c.lib.c.Base.Free(c.p)
	c.p = 0
}

// describe checks a type and shape and gives the Tensor of them, without a C tensor.
func (l *Library) describe(typ gguf.Type, shape []int64) (Tensor, error) {
	t := Tensor{lib: l, typ: typ, ne: [4]int64{1, 1, 1, 1}}
	if len(shape) < 1 || len(shape) > 4 {
		return t, fmt.Errorf("a tensor has 1 to 4 dimensions, not %d", len(shape))
	}
	elements := int64(1)
	for i, n := range shape {
		if n < 0 || n > 0 && elements > (1<<40)/n {
			return t, fmt.Errorf("shape %v is out of bounds", shape)
		}
		elements *= n
		t.ne[i] = n
	}
	if typ.BlockSize() == 0 || l.c.BlockSize(int32(typ)) != typ.BlockSize() || int64(l.c.TypeSize(int32(typ))) != typ.BlockBytes() {
		return t, fmt.Errorf("ggml %s does not know type %s", l.Version(), typ)
	}
	if t.ne[0]%typ.BlockSize() != 0 {
		return t, fmt.Errorf("rows of %d elements are not a multiple of the %d in a block of %s", t.ne[0], typ.BlockSize(), typ)
	}
	fillStrides(&t.nb, t.ne, typ)
	return t, nil
}
