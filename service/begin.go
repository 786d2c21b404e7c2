package service

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/states"
)

// Begin is a state that texts begin with, instead of the model's own beginning. Nil is the model's own. Whoever gets one calls Release when
// the texts have ended.
type Begin struct {
	state *states.State
	id    []byte // tells the cache which state it is
}

// Named returns the state with a name or an id. The error is a *StateError.
func (m *Model) Named(tenant, name string) (*Begin, error) {
	state, err := m.names.Hold(tenant, name)
	if err != nil {
		return nil, &StateError{err}
	}
	id := state.ID()
	return &Begin{state, id[:]}, nil
}

// Sent returns the state in the bytes of a file: a saved or a tuned one. The error is a *StateError.
func (m *Model) Sent(data []byte) (*Begin, error) {
	snapshot, err := m.ReadState(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		return nil, stateError(err)
	}
	sum := sha256.Sum256(data)
	return &Begin{states.NewState(snapshot), sum[:]}, nil
}

// stateError makes a *StateError of what is wrong with a file. Other errors stay as they are.
func stateError(err error) error {
	var bad *lm.StateError
	if errors.As(err, &bad) {
		return &StateError{err}
	}
	return err
}

// Release ends the use of the state.
func (b *Begin) Release() {
	if b != nil {
		b.state.Release()
	}
}

// snapshot returns the state, or nil.
func (b *Begin) snapshot() *engine.Snapshot {
	if b == nil {
		return nil
	}
	s := b.state.Snapshot()
	return &s
}

// hasRead reports whether the state has read a text, in contrast to a tuned one.
func (b *Begin) hasRead() bool { return b != nil && b.state.Snapshot().Tokens > 0 }

// identity returns what tells the cache which state it is.
func (b *Begin) identity() []byte {
	if b == nil {
		return nil
	}
	return b.id
}
