package pth

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// pickler puts together the pickle of a state dict, in protocol 2.
type pickler []byte

// pickleOf is the data.pkl of tensors that have a storage each, numbered from 0.
func pickleOf(specs []Spec) ([]byte, error) {
	p := pickler{0x80, 2}
	p.emptyDict()
	p.op('(')
	for i, s := range specs {
		class, ok := storageClass(s)
		if !ok {
			return nil, fmt.Errorf("tensor %q: cannot write elements of type %s", s.Name, s.DType)
		}
		p.text(s.Name)
		p.global("torch._utils", "_rebuild_tensor_v2")
		p.op('(')
		p.op('(')
		p.text("storage")
		p.global("torch", class)
		p.text(strconv.Itoa(i))
		p.text("cpu")
		p.int(s.Bytes() / s.DType.Size())
		p.op('t', 'Q')
		p.int(0)
		p.ints(s.Shape)
		p.ints(rowMajor(s.Shape))
		p.op(0x89) // requires_grad: False
		p.emptyDict()
		p.op('t', 'R')
	}
	p.op('u', stop)
	return p, nil
}

// storageClass is the name of the storage class of the tensor's type, in module torch.
func storageClass(s Spec) (string, bool) {
	for name, g := range globals {
		if g.class && g.dtype != 0 && g.dtype == s.DType {
			return name[1], true
		}
	}
	return "", false
}

// rowMajor are the strides of a tensor without gaps.
func rowMajor(shape []int64) []int64 {
	stride := make([]int64, len(shape))
	n := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= shape[i]
	}
	return stride
}

func (p *pickler) op(codes ...byte) { *p = append(*p, codes...) }

func (p *pickler) emptyDict() {
	p.global("collections", "OrderedDict")
	p.op(')', 'R')
}

func (p *pickler) global(module, name string) {
	p.op('c')
	*p = append(*p, module+"\n"+name+"\n"...)
}

func (p *pickler) text(s string) {
	p.op('X')
	*p = binary.LittleEndian.AppendUint32(*p, uint32(len(s)))
	*p = append(*p, s...)
}

func (p *pickler) int(v int64) {
	switch {
	case v >= 0 && v <= math.MaxUint8:
		p.op('K', byte(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		p.op('J')
		*p = binary.LittleEndian.AppendUint32(*p, uint32(v))
	default:
		p.op(0x8a, 8)
		*p = binary.LittleEndian.AppendUint64(*p, uint64(v))
	}
}

// ints puts a tuple of integers.
func (p *pickler) ints(items []int64) {
	p.op('(')
	for _, v := range items {
		p.int(v)
	}
	p.op('t')
}
