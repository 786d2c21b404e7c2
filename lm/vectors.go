package lm

import (
	"context"
	"errors"
	"slices"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Pooling is how the hidden states after the tokens of a text become one embedding.
type Pooling = engine.Pooling

// The ways to pool.
const (
	LastToken = engine.LastToken // the one after the last token, which has seen the whole text
	Mean      = engine.Mean      // the average over all tokens
)

// Embed reads each text, of at least one token, from the beginning and hands its embedding, [channels], to each, in their order: the
// hidden state after the last layer and the output norm, of which the head would make logits.
func (m *Model) Embed(ctx context.Context, texts [][]tokenizer.Token, pooling Pooling, each func(text int, embedding []float32) error) error {
	return m.Model.Embed(ctx, texts, pooling, engine.SessionOptions{Begin: m.begin}, each)
}

// LogitsOptions say which logits are wanted. The zero value is those after the last token.
type LogitsOptions struct {
	All   bool // after each token
	Chunk int  // tokens that are read at once; 0 is what suits
}

// Logits reads tokens from the beginning of a text and hands logits, [vocabulary], to each, which may keep them during the call
// only. All are finite: others are an error.
func (m *Model) Logits(ctx context.Context, tokens []tokenizer.Token, o LogitsOptions, each func(position int, logits []float32) error) error {
	if len(tokens) == 0 {
		return errors.New("no tokens to read: logits come after a token")
	}
	session, err := m.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	if o.All {
		return session.Logits(ctx, tokens, o.Chunk, each)
	}
	chunk := o.Chunk
	if chunk <= 0 {
		chunk = len(tokens)
	}
	var row []float32
	for part := range slices.Chunk(tokens, chunk) {
		if row, err = session.Prefill(ctx, part); err != nil {
			return err
		}
	}
	return each(len(tokens)-1, row)
}
