package pth

import (
	"fmt"
	"io"
	"math/bits"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// The limits of a tensor: no file is as long as maxBytes, and PyTorch itself has no more than maxDims dimensions.
const (
	maxBytes = 1 << 50
	maxDims  = 64
)

// tensor is a view of a storage, all in elements of dtype.
type tensor struct {
	span   *span
	dtype  checkpoint.DType
	offset int64
	shape  []int64
	stride []int64

	negative bool // what is stored is to be negated
}

// rebuildTensor takes (storage, offset, shape, stride, requires_grad, hooks, metadata), the last three being optional.
func rebuildTensor(d *decoder, args tuple) (any, error) {
	t, err := d.view("_rebuild_tensor", args, 6)
	if err != nil {
		return nil, err
	}
	if t.dtype = t.span.dtype; t.dtype == 0 {
		return nil, d.wrong("a tensor of storage %q has no element type", t.span.key)
	}
	return t, nil
}

// rebuildUntyped takes (storage, offset, shape, stride, requires_grad, hooks, dtype, metadata).
func rebuildUntyped(d *decoder, args tuple) (any, error) {
	t, err := d.view("_rebuild_tensor_v3", args, 7)
	if err != nil {
		return nil, err
	}
	var dtype *global
	if len(args) > 6 {
		dtype, _ = args[6].(*global)
	}
	if dtype == nil || dtype.class || dtype.dtype == 0 {
		return nil, d.wrong("a tensor of storage %q has no element type", t.span.key)
	}
	t.dtype = dtype.dtype
	return t, nil
}

// rebuildParameter takes (tensor, requires_grad, hooks, attributes): a parameter is its tensor.
func rebuildParameter(d *decoder, args tuple) (any, error) {
	if len(args) == 0 {
		return nil, d.wrong("a parameter is made of nothing, want a tensor")
	}
	t, ok := args[0].(*tensor)
	if !ok {
		return nil, d.wrong("a parameter is made of %s, want a tensor", kind(args[0]))
	}
	return t, nil
}

// rebuildFromType takes (function, class, arguments, attributes): a tensor with attributes is the function's result.
func rebuildFromType(d *decoder, args tuple) (any, error) {
	if len(args) == 4 {
		g, ok1 := args[0].(*global)
		inner, ok2 := args[2].(tuple)
		if ok1 && ok2 && g.call != nil && g.name != "torch._tensor._rebuild_from_type_v2" {
			return g.call(d, inner)
		}
	}
	return nil, d.wrong("a tensor with attributes is not made of a function, a class, its arguments and the attributes")
}

// metadata reads what else is said of a tensor, a dict of marks or None. Of real numbers the mark "neg" alone changes
// the elements: PyTorch negates them when they are used. "conj" does so for complex ones, which are read by nobody.
func (d *decoder) metadata(t *tensor, v any) error {
	marks, ok := v.(*dict)
	if !ok {
		if _, none := v.(none); !none {
			return d.wrong("a tensor's metadata are %s, want a dict", kind(v))
		}
		return nil
	}
	for i, key := range marks.keys {
		if key != "neg" {
			continue
		}
		negative, ok := marks.values[i].(bool)
		if !ok {
			return d.wrong("a tensor's mark \"neg\" is %s, want a bool", kind(marks.values[i]))
		}
		t.negative = negative
	}
	return nil
}

// view reads the first four arguments, and the metadata, which is argument number last if there is one.
func (d *decoder) view(name string, args tuple, last int) (*tensor, error) {
	if len(args) < 4 || len(args) > last+1 {
		return nil, d.wrong("%s has %d arguments, want 4 to %d", name, len(args), last+1)
	}
	s, ok1 := args[0].(*span)
	offset, ok2 := args[1].(int64)
	shape, ok3 := ints(args[2])
	stride, ok4 := ints(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, d.wrong("%s is made of %s, %s, %s and %s, want storage, offset, shape and strides", name,
			kind(args[0]), kind(args[1]), kind(args[2]), kind(args[3]))
	}
	t := &tensor{span: s, offset: offset, shape: shape, stride: stride}
	if len(args) > last {
		return t, d.metadata(t, args[last])
	}
	return t, nil
}

// ints reads a tuple of integers.
func ints(v any) ([]int64, bool) {
	items, ok := v.(tuple)
	if !ok || len(items) > maxDims {
		return nil, false
	}
	out := make([]int64, len(items))
	for i, item := range items {
		if out[i], ok = item.(int64); !ok {
			return nil, false
		}
	}
	return out, true
}

// open checks the tensor against its storage, which lies in file, and answers with a reader of its elements.
func (t *tensor) open(file io.ReaderAt, fileSize int64, bigEndian bool) (io.ReaderAt, error) {
	if err := t.check(fileSize); err != nil {
		return nil, err
	}
	if t.negative && !t.dtype.IsWeights() {
		return nil, fmt.Errorf("holds %s to be negated: weights are real numbers", t.dtype)
	}
	data := t.stored(file, bigEndian)
	if t.negative {
		return negated{data, t.dtype.Size()}, nil
	}
	return data, nil
}

// stored is a reader of the elements as the storage has them.
func (t *tensor) stored(file io.ReaderAt, bigEndian bool) io.ReaderAt {
	size := t.dtype.Size()
	base := t.span.off + t.span.start*t.span.elementSize()
	if t.contiguous() && (!bigEndian || size == 1) {
		return io.NewSectionReader(file, base+t.offset*size, t.elements()*size)
	}
	return &gather{
		file:    io.NewSectionReader(file, base, t.span.count*t.span.elementSize()),
		size:    size,
		bytes:   t.elements() * size,
		offset:  t.offset,
		shape:   t.shape,
		stride:  t.stride,
		swapped: bigEndian,
	}
}

// negated flips the sign of floating-point elements of size bytes, which is the highest bit of each's last byte.
type negated struct {
	data io.ReaderAt
	size int64
}

// ReadAt implements io.ReaderAt.
func (n negated) ReadAt(p []byte, off int64) (int, error) {
	count, err := n.data.ReadAt(p, off)
	for i := n.size - 1 - off%n.size; i < int64(count); i += n.size {
		p[i] ^= 0x80
	}
	return count, err
}

// elements is right once check has found no fault.
func (t *tensor) elements() int64 {
	n := int64(1)
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// contiguous reports whether the elements follow one another without gaps, the last dimension being the fastest.
func (t *tensor) contiguous() bool {
	want := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] > 1 && t.stride[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// check finds a tensor that leaves its storage, and one far larger than the file: strides of 0 can repeat a few bytes
// without end.
func (t *tensor) check(fileSize int64) error {
	switch {
	case len(t.shape) != len(t.stride):
		return fmt.Errorf("has %d dimensions and %d strides: damaged, not loading", len(t.shape), len(t.stride))
	case t.offset < 0:
		return fmt.Errorf("begins at element %d of its storage: damaged, not loading", t.offset)
	}
	elements, last, err := t.extent()
	if err != nil {
		return err
	}
	size := t.dtype.Size()
	held := t.span.count * t.span.elementSize() / size
	switch {
	case elements == 0 && t.offset > held:
		return fmt.Errorf("begins at element %d of a storage of %d: damaged, not loading", t.offset, held)
	case elements > 0 && last >= uint64(held):
		return fmt.Errorf("of shape %v and strides %v reaches element %d of a storage of %d: damaged, not loading",
			t.shape, t.stride, last, held)
	case elements > uint64(max(fileSize, 64<<20)/size):
		return fmt.Errorf("of shape %v claims %d elements, far more than the file holds: not loading", t.shape, elements)
	}
	return nil
}

// extent is the number of elements, and the place of the last one in the storage.
func (t *tensor) extent() (elements, last uint64, err error) {
	elements, last = 1, uint64(t.offset)
	for i, n := range t.shape {
		if n < 0 || t.stride[i] < 0 {
			return 0, 0, fmt.Errorf("has shape %v and strides %v, want none below 0: damaged, not loading", t.shape, t.stride)
		}
		over, reach := bits.Mul64(uint64(max(n, 1)-1), uint64(t.stride[i]))
		overElements, product := bits.Mul64(elements, uint64(n))
		sum, carry := bits.Add64(last, reach, 0)
		if over|overElements|carry != 0 || product > maxBytes || sum > maxBytes {
			return 0, 0, fmt.Errorf("has shape %v and strides %v, more than any file holds: not loading", t.shape, t.stride)
		}
		elements, last = product, sum
	}
	return elements, last, nil
}
