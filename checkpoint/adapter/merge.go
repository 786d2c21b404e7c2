package adapter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/shape"
)

// tunedState ends the names of states that texts begin with, in the layout of the authors' files.
const tunedState = ".att.time_state"

// nameIn is a tensor's name as base has it: some trainers put "model." in front.
func nameIn(base *checkpoint.File, name string) string {
	if _, ok := base.Tensor(name); !ok {
		return strings.TrimPrefix(name, "model.")
	}
	return name
}

// Merge returns base with the adapter merged into it. A tensor is merged when it is read.
func (a *Adapter) Merge(base *checkpoint.File) (*checkpoint.File, error) {
	merged := *base
	merged.Tensors = slices.Clone(base.Tensors)
	at := map[string]int{}
	for i, t := range merged.Tensors {
		at[t.Name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(a.whole)) {
		t := a.whole[name].Tensor
		i, ok := at[nameIn(base, name)]
		switch {
		case !ok && strings.HasSuffix(name, tunedState): // tuned along with the weights
			t.Name = nameIn(base, name)
			merged.Tensors, merged.Swapped = append(merged.Tensors, t), a.file.Swapped
			continue
		case !ok:
			return nil, fmt.Errorf("tensor %q is not in the model: the adapter is of another model", name)
		case !slices.Equal(shape.Squeeze(t.Shape...), shape.Squeeze(merged.Tensors[i].Shape...)):
			return nil, fmt.Errorf("tensor %q is %v, the model's %v: the adapter is of another model", name, t.Shape, merged.Tensors[i].Shape)
		}
		if strings.HasSuffix(name, tunedState) {
			merged.Swapped = a.file.Swapped
		}
		t.Name = merged.Tensors[i].Name
		merged.Tensors[i] = t
	}
	for _, name := range a.order {
		i, ok := at[nameIn(base, name)]
		if !ok {
			return nil, fmt.Errorf("the model has no %q, which the adapter changes: it is of another model, or has the names of another program's copy of it", name)
		}
		t, err := a.change(merged.Tensors[i], name)
		if err != nil {
			return nil, err
		}
		merged.Tensors[i] = t
	}
	return &merged, nil
}

// change is the weight with its pair merged.
func (a *Adapter) change(w checkpoint.Tensor, name string) (checkpoint.Tensor, error) {
	p := a.pairs[name]
	if shape := []int64{p.b.Shape[0], p.a.Shape[1]}; !slices.Equal(w.Shape, shape) {
		return w, fmt.Errorf("the adapter changes %q of %v, the model's is %v: it is of another model", name, shape, w.Shape)
	}
	products := []*product{{pair: *p, scale: float32(a.scale(p)), path: a.Path()}}
	if init := a.options.Init; init != nil {
		first, err := initial(init, name, p)
		if err != nil {
			return w, fmt.Errorf("%s: %w", init.Path, err)
		}
		products = append(products, &product{pair: first, scale: -1, path: init.Path})
	}
	return sum(w, products), nil
}

// initial is what the pair began as.
func initial(init *checkpoint.File, weight string, now *pair) (pair, error) {
	var first pair
	for _, t := range init.Tensors {
		m := halves.FindStringSubmatch(prefixes.ReplaceAllString(t.Name, ""))
		switch {
		case m == nil || m[1]+".weight" != weight:
		case m[3] == "A":
			first.a = t
		default:
			first.b = t
		}
	}
	if err := first.check(weight); err != nil {
		return first, err
	}
	if !slices.Equal(first.a.Shape, now.a.Shape) || !slices.Equal(first.b.Shape, now.b.Shape) {
		return first, fmt.Errorf("tensors %q %v and %q %v are of other shapes than the adapter's", first.a.Name, first.a.Shape, first.b.Name, first.b.Shape)
	}
	return first, nil
}
