package pth

import (
	"errors"
	"fmt"
	"strings"
)

// entry is one named value of a state dict.
type entry struct {
	name  string
	value any
}

// wrappers are what training frameworks put before every name.
var wrappers = []string{"_forward_module.", "module."}

// entries lists the state dict, which may lie in another dict as "state_dict", with plain names.
func (c *contents) entries() ([]entry, error) {
	outer, ok := c.object.(*dict)
	if !ok {
		return nil, fmt.Errorf("holds %s, want a dict of tensors: save the model's state dict", kind(c.object))
	}
	entries, err := outer.entries()
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		inner, ok := e.value.(*dict)
		if e.name != "state_dict" || !ok {
			continue
		}
		nested, err := inner.entries()
		return append(nested, notTensors(append(entries[:i:i], entries[i+1:]...))...), err
	}
	return entries, nil
}

// notTensors keeps what is beside a state dict, so that it can be named; tensors there are none of the model's.
func notTensors(entries []entry) []entry {
	var out []entry
	for _, e := range entries {
		if _, ok := e.value.(*tensor); !ok {
			out = append(out, e)
		}
	}
	return out
}

// entries lists the items whose keys are names, without what frameworks put before them.
func (m *dict) entries() ([]entry, error) {
	var out []entry
	seen := map[string]bool{}
	for i, key := range m.keys {
		name, ok := key.(string)
		if !ok {
			continue
		}
		name = plainName(name)
		if seen[name] {
			return nil, fmt.Errorf("there are two entries %q: made to deceive, not loading", name)
		}
		seen[name] = true
		out = append(out, entry{name, m.values[i]})
	}
	if len(out) == 0 {
		return nil, errors.New("holds an empty dict, want tensors")
	}
	return out, nil
}

func plainName(name string) string {
	for again := true; again; {
		again = false
		for _, w := range wrappers {
			if rest, ok := strings.CutPrefix(name, w); ok {
				name, again = rest, true
			}
		}
	}
	return name
}
