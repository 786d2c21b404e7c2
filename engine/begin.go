package engine

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// What a text begins with: usually nothing, but a model may carry a state that was tuned for it, and a user may choose
// another. A session takes it when it is made or reset.

// BeginAsTuned lets texts begin with the state that the model's file carries, if it does: the way a model is when loaded.
func (m *Model) BeginAsTuned() error {
	if !m.config.Tuned {
		m.begin = nil
		return nil
	}
	return m.BeginWithTuned(func(name string) ([]float32, error) {
		info, ok := m.file.Tensor(name)
		if !ok {
			return nil, fmt.Errorf("tensor %q is missing: the file is no complete RWKV model", name)
		}
		return m.floats(info)
	})
}

// BeginEmpty lets texts begin with no state.
func (m *Model) BeginEmpty() { m.begin = nil }

// BeginWith lets texts begin with a snapshot of this model's.
func (m *Model) BeginWith(s Snapshot) error {
	specs := m.arch.State(m.config)
	if err := fitting(s, specs); err != nil {
		return err
	}
	m.begin = s.State
	return nil
}

// BeginWithTuned lets texts begin with a tuned state, of which read gives the tensors by their GGUF names.
func (m *Model) BeginWithTuned(read func(name string) ([]float32, error)) error {
	specs := m.arch.State(m.config)
	begin := make([][]float32, len(specs))
	any := false
	for i, spec := range specs {
		if spec.Tuned == "" {
			continue
		}
		x, err := read(spec.Tuned)
		if err != nil {
			return err
		}
		if want := m.config.Heads() * m.config.HeadSize * m.config.HeadSize; len(x) != want {
			return fmt.Errorf("tensor %q has %d elements, want %d", spec.Tuned, len(x), want)
		}
		begin[i] = make([]float32, spec.Elements)
		spec.Place(begin[i], x)
		any = true
	}
	if !any {
		return fmt.Errorf("%s has no state that can be tuned", m.arch.Title)
	}
	m.begin = begin
	return nil
}

// beginning is what the i-th state of a text begins with, nil for zeros.
func (m *Model) beginning(i int, spec rwkv.StateSpec) []float32 {
	if m.begin != nil && m.begin[i] != nil {
		return m.begin[i]
	}
	if spec.Start == 0 {
		return nil
	}
	x := make([]float32, spec.Elements)
	for j := range x {
		x[j] = spec.Start
	}
	return x
}
