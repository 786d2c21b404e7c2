package engine

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/rwkv"
)

// SessionOptions say what the texts of a session or a batch begin with.
type SessionOptions struct {
	Begin *Beginning // nil is the tuned state in the model's file, or no state if the file has none
}

// Beginning is the state that a text begins with. It fits the model that made it.
type Beginning struct {
	state [][]float32 // in the order of the state table. Nil is no state
}

// BeginEmpty returns the beginning without a state.
func (m *Model) BeginEmpty() *Beginning { return &Beginning{} }

// BeginWith returns a snapshot's state as a beginning. A snapshot of a model with other dimensions is an error.
func (m *Model) BeginWith(s Snapshot) (*Beginning, error) {
	if err := m.Layout().Fits(s); err != nil {
		return nil, err
	}
	return &Beginning{s.State}, nil
}

// ownBeginning is the state that the model's file carries, or none.
func (m *Model) ownBeginning() (*Beginning, error) {
	if !m.config.Tuned {
		return m.BeginEmpty(), nil
	}
	tuned, err := m.Layout().Tuned(func(name string) ([]float32, error) {
		info, ok := m.file.Tensor(name)
		if !ok {
			return nil, fmt.Errorf("tensor %q is missing: not a complete RWKV model", name)
		}
		return m.floats(info)
	})
	return &Beginning{tuned.State}, err
}

// part is what the i-th state of a text begins with, nil for zeros.
func (b *Beginning) part(i int, spec rwkv.StateSpec) []float32 {
	if b.state != nil {
		return b.state[i]
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
