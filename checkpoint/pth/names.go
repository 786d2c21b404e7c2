package pth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// entry is one named value of a state dict.
type entry struct {
	name  string
	value any
}

// wrapped are the names under which trainers keep a state dict within a larger dict, those that tell most first.
var wrapped = []string{"state_dict", "model_state_dict", "model", "module"}

// maxDepth is how many dicts a state dict may lie in. A pickle may put a dict into itself.
const maxDepth = 4

// entries lists the state dict, and after it what lies beside it in the dicts around it, tensors excepted.
func (c *contents) entries() ([]entry, error) {
	m, ok := c.object.(*dict)
	if !ok {
		return nil, fmt.Errorf("holds %s, want a dict of tensors: save the model's state dict", kind(c.object))
	}
	var beside []entry
	for range maxDepth {
		entries, err := m.entries()
		if err != nil {
			return nil, err
		}
		inner, name := wrappedIn(entries)
		if inner == nil {
			return append(entries, beside...), nil
		}
		m = inner
		for _, e := range entries {
			if _, isTensor := e.value.(*tensor); !isTensor && e.name != name {
				beside = append(beside, e)
			}
		}
	}
	return nil, fmt.Errorf("holds dicts within dicts, more than %d deep: save the model's state dict", maxDepth)
}

// wrappedIn finds the dict that the state dict lies in, or is. There is none where the tensors lie among the entries themselves,
// unless one of them is called state_dict.
func wrappedIn(entries []entry) (*dict, string) {
	plain := slices.ContainsFunc(entries, func(e entry) bool { _, ok := e.value.(*tensor); return ok })
	for _, name := range wrapped {
		for _, e := range entries {
			if m, ok := e.value.(*dict); ok && e.name == name && m.leadsToTensors(maxDepth) && (name == wrapped[0] || !plain) {
				return m, name
			}
		}
	}
	return nil, ""
}

// hasTensor reports whether one of the values is a tensor.
func (m *dict) hasTensor() bool {
	return slices.ContainsFunc(m.values, func(v any) bool { _, ok := v.(*tensor); return ok })
}

// leadsToTensors reports whether there are tensors in the dict, or in those that wrap them in it.
func (m *dict) leadsToTensors(depth int) bool {
	if m.hasTensor() {
		return true
	}
	return depth > 0 && slices.ContainsFunc(wrapped, func(name string) bool {
		inner := m.dict(name)
		return inner != nil && inner.leadsToTensors(depth-1)
	})
}

// dict is the dict of that name among the values, or nil.
func (m *dict) dict(name string) *dict {
	i := slices.IndexFunc(m.keys, func(key any) bool { return key == name })
	if i < 0 {
		return nil
	}
	inner, _ := m.values[i].(*dict)
	return inner
}

// entries lists the items whose keys are names.
func (m *dict) entries() ([]entry, error) {
	var out []entry
	seen := map[string]bool{}
	for i, key := range m.keys {
		name, ok := key.(string)
		if !ok {
			continue
		}
		if seen[name] {
			return nil, fmt.Errorf("there are two entries %s: made to deceive, not loading", excerpt.Of(name))
		}
		seen[name] = true
		out = append(out, entry{name, m.values[i]})
	}
	if len(out) == 0 {
		return nil, errors.New("holds an empty dict, want tensors")
	}
	return out, nil
}

// noTensors is the error of entries of which none is a tensor. It names the dicts among them that hold some.
func noTensors(entries []entry) error {
	var dicts []string
	for _, e := range entries {
		if m, ok := e.value.(*dict); ok && m.hasTensor() {
			if len(dicts) == 8 {
				dicts = append(dicts, "...")
				break
			}
			dicts = append(dicts, excerpt.Of(e.name))
		}
	}
	if dicts != nil {
		return fmt.Errorf("holds no tensors, but dicts of tensors (%s), none of which is known to be the model: save that one alone with torch.save",
			strings.Join(dicts, ", "))
	}
	return fmt.Errorf("holds no tensors, only %d other entries: not a model", len(entries))
}
