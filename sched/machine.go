package sched

import (
	"context"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Machine computes. Its slots for decoding are numbered from 0, and the first of them are in use. Reader is another slot, for prompts. A
// Machine belongs to one goroutine at a time, but several may call Save at once.
type Machine interface {
	Facts() Facts
	// Begin takes the Reader to the beginning of a text. Nil is the model's own.
	Begin(*engine.Beginning) error
	Load(slot int, from engine.Snapshot) error
	Save(slot int, into *engine.Snapshot) error
	Move(from, to int) error
	// Read reads tokens in the Reader. It returns the rows that outputs asks for, [vocabulary or channels, rows], valid until the next call.
	Read(ctx context.Context, tokens []tokenizer.Token, outputs rwkv.Outputs) ([]float32, error)
	// Decode reads one token in each of the first len(tokens) slots and returns the logits, [vocabulary, len(tokens)]. Some of them may not be
	// finite: the sampler of their text refuses them.
	Decode(ctx context.Context, tokens []tokenizer.Token) ([]float32, error)
}

// Reader is the slot in which prompts are read.
const Reader = -1

// Facts are what does not change about a Machine.
type Facts struct {
	Slots      int // for decoding
	Vocab      int
	StateBytes int64 // of one text
	Exact      bool  // results do not depend on chunks and on the other texts
}

// Slots is the Machine of a model.
type Slots struct {
	model           *engine.Model
	reader, decoder *engine.Slots
	moving          engine.Snapshot // memory for Move
}

// NewSlots returns a model with n slots for decoding. The caller closes it before the model.
func NewSlots(m *engine.Model, n int) (*Slots, error) {
	reader, err := m.NewSlots(1, engine.SessionOptions{})
	if err != nil {
		return nil, err
	}
	decoder, err := m.NewSlots(n, engine.SessionOptions{})
	if err != nil {
		reader.Close()
		return nil, err
	}
	return &Slots{model: m, reader: reader, decoder: decoder}, nil
}

// Facts implements Machine.
func (s *Slots) Facts() Facts {
	return Facts{Slots: s.decoder.Len(), Vocab: s.model.Vocab(), StateBytes: s.model.StateBytes(), Exact: s.model.Exact()}
}

// Begin implements Machine.
func (s *Slots) Begin(b *engine.Beginning) error { return s.reader.Begin(0, b) }

// at returns where a slot is.
func (s *Slots) at(slot int) (*engine.Slots, int) {
	if slot == Reader {
		return s.reader, 0
	}
	return s.decoder, slot
}

// Load implements Machine.
func (s *Slots) Load(slot int, from engine.Snapshot) error {
	of, i := s.at(slot)
	return of.Load(i, from)
}

// Save implements Machine.
func (s *Slots) Save(slot int, into *engine.Snapshot) error {
	of, i := s.at(slot)
	return of.Save(i, into)
}

// Move implements Machine.
func (s *Slots) Move(from, to int) error {
	if from != Reader && to != Reader {
		return s.decoder.Move(from, to)
	}
	if err := s.Save(from, &s.moving); err != nil {
		return err
	}
	return s.Load(to, s.moving)
}

// Read implements Machine.
func (s *Slots) Read(ctx context.Context, tokens []tokenizer.Token, outputs rwkv.Outputs) ([]float32, error) {
	return s.reader.Read(ctx, [][]tokenizer.Token{tokens}, outputs)
}

// Decode implements Machine.
func (s *Slots) Decode(ctx context.Context, tokens []tokenizer.Token) ([]float32, error) {
	return s.decoder.Decode(ctx, tokens)
}

// Close frees the slots.
func (s *Slots) Close() {
	s.reader.Close()
	s.decoder.Close()
}
