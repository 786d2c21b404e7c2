package engine

import (
	"context"

	"gosling/rwkv"
	"gosling/tokenizer"
)

// NewBatch makes a session of several sequences side by side.
func (m *Model) NewBatch(seqs int) (*Session, error) { return m.newSession(seqs) }

// ReadBatch reads equally many tokens of each sequence, one sequence after the other. It returns the logits after every
// token in the same order, or after the last of each sequence.
func (s *Session) ReadBatch(ctx context.Context, tokens []tokenizer.Token, all bool) ([]float32, error) {
	outputs := rwkv.LastLogits
	if all {
		outputs = rwkv.AllLogits
	}
	err := s.read(ctx, tokens, outputs)
	return s.logits, err
}
