package service

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
)

// Turns returns the prompt that ends behind the last of the messages, where the next turn begins.
func (m *Model) Turns(f chat.Format, messages []chat.Message) (Prompt, error) {
	c, err := f.Prompt(messages, chat.Reply)
	if err != nil {
		return Prompt{}, &PromptError{err}
	}
	p, err := m.Text(c.Text[:c.Turns[len(c.Turns)-1]])
	p.marks = states.Marks{System: c.System, History: c.History, Turns: c.Turns}
	return p, err
}

// Make reads a prompt and keeps the state behind it. Without a name it gets an id. After ttl it is gone; 0 is never.
func (m *Model) Make(ctx context.Context, c Client, p Prompt, name string, ttl time.Duration) (states.Named, error) {
	if limit := m.o.Context; limit > 0 && len(p.Tokens) > limit {
		return states.Named{}, &ContextError{len(p.Tokens), limit}
	}
	if err := checkName(name); err != nil {
		return states.Named{}, err
	}
	r := Request{Client: c, ReadCache: true, FillCache: true}
	snapshot, err := m.read(ctx, m.reading(&r, p))
	if err != nil {
		return states.Named{}, err
	}
	return m.put(c.Tenant, name, *snapshot, ttl)
}

// checkName refuses what cannot be the name of a state, before work is done for it. An empty name asks for an id.
func checkName(name string) error {
	if name == "" {
		return nil
	}
	if err := states.CheckName(name); err != nil {
		return &NameError{err}
	}
	return nil
}

// put keeps a state.
func (m *Model) put(tenant, name string, snapshot engine.Snapshot, ttl time.Duration) (states.Named, error) {
	state := states.NewState(snapshot)
	defer state.Release()
	named, err := m.names.Put(tenant, name, state, ttl)
	if err != nil {
		return states.Named{}, &StateError{err}
	}
	return named, nil
}

// Upload keeps a state that a client sends: a saved or a tuned one. The error is a *StateError if it is not a state of the model, or cannot
// be kept.
func (m *Model) Upload(c Client, name string, r io.Reader, transposed *bool, ttl time.Duration) (states.Named, error) {
	if err := checkName(name); err != nil {
		return states.Named{}, err
	}
	snapshot, err := m.ReceiveState(r, transposed)
	if err != nil {
		return states.Named{}, stateError(err)
	}
	return m.put(c.Tenant, name, snapshot, ttl)
}

// Download writes the file of a state. The error is a *StateError if the state cannot be written as the type.
func (m *Model) Download(b *Begin, w io.Writer, t engine.StateType) error {
	err := m.Layout().Write(w, b.state.Snapshot(), t)
	if errors.Is(err, engine.ErrRange) {
		return &StateError{err}
	}
	return err
}
