package quant

import (
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Report describes the file that was written.
type Report struct {
	Path  string
	Size  int64 // of the file in bytes
	Kinds []Kind

	Without []string // the tensors that are not in the importance matrix

	kindOf []int // of each source
}

// Kind sums up the tensors of one name in all layers that went from one type to another.
type Kind struct {
	Name     string // "time_mix_key"
	From, To gguf.Type
	Tensors  int
	Elements int64
	Bytes    int64

	squares float64
}

// RMSE is the root of the mean squared difference from the source. It is 0 if nothing was lost or nothing was measured.
func (k Kind) RMSE() float64 {
	if k.Elements == 0 {
		return 0
	}
	return math.Sqrt(k.squares / float64(k.Elements))
}

// newReport lists the kinds in the order of the sources.
func newReport(sources []Source) Report {
	r := Report{kindOf: make([]int, len(sources))}
	for i, s := range sources {
		name, from := rwkv.KindOf(s.Tensor.Name), s.From
		if s.Floats != nil {
			from = gguf.F32
		}
		k := slices.IndexFunc(r.Kinds, func(k Kind) bool { return k.Name == name && k.From == from && k.To == s.Tensor.Type })
		if k < 0 {
			k = len(r.Kinds)
			r.Kinds = append(r.Kinds, Kind{Name: name, From: from, To: s.Tensor.Type})
		}
		r.kindOf[i] = k
		r.Kinds[k].Tensors++
		r.Kinds[k].Elements += s.Tensor.Elements()
		if n, err := s.Tensor.Type.RowBytes(s.Tensor.Elements()); err == nil {
			r.Kinds[k].Bytes += n
		}
	}
	return r
}

func (r Report) add(source int, squares float64) {
	r.Kinds[r.kindOf[source]].squares += squares
}

// Elements is the number of elements of all tensors.
func (r Report) Elements() int64 {
	n := int64(0)
	for _, k := range r.Kinds {
		n += k.Elements
	}
	return n
}

// BitsPerWeight is the size of the whole file in bits for each element.
func (r Report) BitsPerWeight() float64 {
	if r.Elements() == 0 {
		return 0
	}
	return 8 * float64(r.Size) / float64(r.Elements())
}
