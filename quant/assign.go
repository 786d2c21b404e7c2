package quant

import (
	"fmt"
	"math"

	"gosling/gguf"
)

// Assignment is a type for every tensor that may be rounded.
type Assignment struct {
	Types map[string]gguf.Type
	Mix   Mix     // the standard one that is nearest: its matrices have the type that most have here
	Size  int64   // of the file, at most
	KLD   float64 // the sum of what the sensitivities tell of the parts, as if they did not influence each other
}

// option is a type that a tensor may have.
type option struct {
	typ  gguf.Type
	size int64
	cost float64
}

// Assign chooses a type for every tensor of a file such that the whole has at most targetBPW bits for each of its elements and
// the predicted KL divergence is the least. What rounding a kind costs is spread over its tensors by what rounding their layers
// costs.
func (s *Sensitivity) Assign(file *gguf.File, targetBPW float64) (Assignment, error) {
	m, err := describe(file)
	if err != nil {
		return Assignment{}, fmt.Errorf("%s: %w", file.Path(), err)
	}
	if is := sensitivityOf(file, m); is.Arch != s.Arch || is.Parameters != s.Parameters || is.Layers != s.Layers {
		return Assignment{}, fmt.Errorf("%s: the sensitivities are those of another model: %s with %d layers and %d parameters, this is %s with %d and %d",
			file.Path(), s.Arch, s.Layers, s.Parameters, is.Arch, is.Layers, is.Parameters)
	}
	fixed := file.Size() + headroom
	shares := s.shares(file, m)
	var names []string
	var items [][]option
	least, most := int64(0), int64(0)
	for _, t := range file.Tensors() {
		options := s.options(t, m, shares[t.Name])
		if options == nil {
			continue
		}
		low, high := options[0].size, options[0].size
		for _, o := range options {
			low, high = min(low, o.size), max(high, o.size)
		}
		least, most = least+low, most+high
		fixed -= t.Size
		names, items = append(names, t.Name), append(items, options)
	}
	bpw := func(size int64) float64 { return 8 * float64(fixed+size) / float64(s.Parameters) }
	budget := int64(targetBPW*float64(s.Parameters)/8) - fixed
	if budget < least {
		return Assignment{}, fmt.Errorf("%.2f bits per weight are out of reach: from %.2f to %.2f are possible", targetBPW, math.Ceil(100*bpw(least))/100, bpw(most))
	}
	a := Assignment{Types: map[string]gguf.Type{}, Size: fixed}
	elements := map[gguf.Type]int64{}
	for i, k := range cheapest(items, budget) {
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

// headroom is what a header grows by for the keys that Quantize adds.
const headroom = 256

// options are the types that a tensor may have, the one it has first; none if it is not to be rounded or was not measured.
// share is its part of what rounding its kind costs.
func (s *Sensitivity) options(t gguf.Tensor, m model, share float64) []option {
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
		size, err := typ.RowBytes(t.Elements())
		if size = (size + 31) / 32 * 32; err == nil && size < t.Size { // tensors begin at multiples of 32
			options = append(options, option{typ, size, max(float64(p.KLD), 0) * share})
		}
	}
	if len(options) == 1 {
		return nil
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
		if w, ok := layers[LayerOf(t.Name)]; ok {
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
