package quant

import (
	"fmt"
	"math"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Assignment is a type for every tensor that may be rounded.
type Assignment struct {
	Types map[string]gguf.Type
	Mix   Mix     // the nearest mix of llama.cpp: its matrices have the type that most matrices have here
	Size  int64   // an upper bound of the file's size
	KLD   float64 // the predicted KL divergence: the sum over all parts, as if they did not influence each other
}

// option is a type that a tensor may have.
type option struct {
	typ  gguf.Type
	size int64
	cost float64
}

// Budget limits the size of a file.
type Budget struct {
	BPW        float64     // size of the whole file in bits for each element
	Overrides  Overrides   // types that are fixed
	Importance *Importance // the importance matrix that the file will name, if any

	Calibration *Calibration // the calibration that the file will name, if any
}

// Assign chooses a type for every tensor of a file. The file stays within the budget, and the predicted KL divergence is the smallest
// possible. Tensors with an override keep its type and count too. The cost of rounding a kind is divided among its tensors in proportion
// to the cost of rounding their layers.
func (s *Sensitivity) Assign(file *gguf.File, budget Budget) (Assignment, error) {
	m, err := describe(file)
	if err != nil {
		return Assignment{}, fmt.Errorf("%s: %w", file.Path(), err)
	}
	if is := sensitivityOf(file, m); is.Arch != s.Arch || is.Parameters != s.Parameters || is.Layers != s.Layers {
		return Assignment{}, fmt.Errorf("%s: the sensitivities are those of another model: %s with %d layers and %d parameters, this is %s with %d and %d",
			file.Path(), excerpt.Of(s.Arch), s.Layers, s.Parameters, excerpt.Of(is.Arch), is.Layers, is.Parameters)
	}
	fixed := file.Size() + headroom
	if budget.Importance != nil {
		fixed += importanceRoom
	}
	if budget.Calibration != nil {
		fixed += importanceRoom
	}
	shares := s.shares(file, m)
	chosen := budget.Overrides.Choose()
	var names []string
	var items [][]option
	for _, t := range file.Tensors() {
		options := s.options(t, m, shares[t.Name], file.Alignment())
		if spec, known := m.specs[t.Name]; known {
			if typ, ok := chosen.Type(spec); ok {
				options = set(options, typ, t, file.Alignment())
			}
		}
		if len(options) == 1 && options[0].typ == t.Type {
			continue
		}
		fixed -= t.Size
		names, items = append(names, t.Name), append(items, options)
	}
	left := int64(budget.BPW*float64(s.Parameters)/8) - fixed
	if least, most := extremes(items); left < least {
		bpw := func(size int64) float64 { return math.Ceil(800*float64(fixed+size)/float64(s.Parameters)) / 100 }
		return Assignment{}, fmt.Errorf("%.2f bits per weight are out of reach: from %.2f to %.2f are possible%s", budget.BPW, bpw(least), bpw(most), budget.blame())
	}
	a := Assignment{Types: map[string]gguf.Type{}, Size: fixed}
	elements := map[gguf.Type]int64{}
	for i, k := range cheapest(items, left) {
		o := items[i][k]
		a.Types[names[i]] = o.typ
		t, _ := file.Tensor(names[i])
		elements[o.typ] += t.Elements()
		a.Size += o.size
		a.KLD += o.cost
	}
	a.Mix = nearestMix(elements)
	return a, nil
}

// blame ends the error of a budget that is too small.
func (b Budget) blame() string {
	if len(b.Overrides) == 0 {
		return ""
	}
	return " with the types that were set for some tensors"
}

// extremes are the sizes of all tensors in their smallest and largest types.
func extremes(items [][]option) (least, most int64) {
	for _, options := range items {
		low, high := options[0].size, options[0].size
		for _, o := range options {
			low, high = min(low, o.size), max(high, o.size)
		}
		least, most = least+low, most+high
	}
	return least, most
}

// set is the one option of a tensor whose type is set, with the cost of that type if it was measured.
func set(measured []option, typ gguf.Type, t gguf.Tensor, alignment int64) []option {
	for _, o := range measured {
		if o.typ == typ {
			return []option{o}
		}
	}
	return []option{{typ: typ, size: sizeAs(typ, t, alignment)}}
}

// sizeAs is what a tensor takes of a file in a type that fits its rows, with the padding up to the next.
func sizeAs(typ gguf.Type, t gguf.Tensor, alignment int64) int64 {
	n, err := typ.RowBytes(t.Elements())
	if err != nil {
		return math.MaxInt64 / 2
	}
	return (n + alignment - 1) / alignment * alignment
}

// nearestMix is the first whose matrices have the type of the most elements.
func nearestMix(elements map[gguf.Type]int64) Mix {
	nearest, most := Mixes()[0], int64(0)
	for _, m := range Mixes() {
		if n := elements[m.Matrix]; n > most {
			nearest, most = m, n
		}
	}
	return nearest
}

// headroom is what a header grows by for the keys that Quantize adds, importanceRoom for those about an importance matrix: two
// texts of at most maxText bytes, two numbers, and their names.
const (
	headroom       = 256
	importanceRoom = 512
)

// options are the types that a tensor may have, the one it has first, which is the only one if it is not to be rounded or was not
// measured. share is its part of what rounding its kind costs.
func (s *Sensitivity) options(t gguf.Tensor, m model, share float64, alignment int64) []option {
	kind := m.kindOf(t.Name)
	options := []option{{typ: t.Type, size: t.Size}}
	for _, p := range s.Parts {
		if kind == "" || p.Kind != kind {
			continue
		}
		typ, err := gguf.ParseType(p.Type)
		if err != nil {
			continue
		}
		typ = fitting(typ, m.specs[t.Name])
		if size := sizeAs(typ, t, alignment); size < t.Size {
			options = append(options, option{typ, size, max(float64(p.KLD), 0) * share})
		}
	}
	return options
}

// shares are the parts of a kind's cost that its tensors have, by name: as their elements and the sensitivities of their layers
// are to those of all tensors of the kind.
func (s *Sensitivity) shares(file *gguf.File, m model) map[string]float64 {
	layers := map[int]float64{}
	for _, p := range s.Parts {
		if p.Kind == "" {
			layers[p.Layer] = max(float64(p.KLD), 1e-12)
		}
	}
	shares, all := map[string]float64{}, map[string]float64{}
	for _, t := range file.Tensors() {
		weight := float64(t.Elements())
		layer, _ := rwkv.SplitName(t.Name)
		if w, ok := layers[layer]; ok {
			weight *= w
		}
		shares[t.Name] = weight
		all[m.kindOf(t.Name)] += weight
	}
	for name := range shares {
		shares[name] /= all[m.kindOf(name)]
	}
	return shares
}
