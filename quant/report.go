package quant

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
)

// Report says what was written.
type Report struct {
	Path  string
	Size  int64 // of the file in bytes
	Kinds []Kind

	Without []string // tensors that the importance matrix, if there was one, says nothing of

	kindOf []int // of each source
}

// Kind sums up the tensors of one name, whatever their layer, that went from one type to another.
type Kind struct {
	Name     string // "time_mix_key"
	From, To gguf.Type
	Tensors  int
	Elements int64
	Bytes    int64

	squares float64
}

// RMSE is the root of the mean squared difference from the source; 0 if nothing was lost or nothing measured.
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
		name, from := KindOf(s.Tensor.Name), s.From
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

func (r *Report) add(source int, squares float64) {
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

// BitsPerWeight is what the file takes for each element, all included.
func (r Report) BitsPerWeight() float64 {
	if r.Elements() == 0 {
		return 0
	}
	return 8 * float64(r.Size) / float64(r.Elements())
}

// LayerOf is the layer that a tensor's name tells, or -1.
func LayerOf(name string) int {
	var layer int
	if n, _ := fmt.Sscanf(name, "blk.%d.", &layer); n == 1 {
		return layer
	}
	return -1
}

// KindOf is a tensor's name without its layer and ending: "blk.3.time_mix_key.weight" is "time_mix_key".
func KindOf(name string) string {
	if LayerOf(name) >= 0 {
		name = name[strings.Index(name[4:], ".")+5:]
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
}
