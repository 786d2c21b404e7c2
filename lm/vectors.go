package lm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Pooling is how to turn the hidden states of a text's tokens into one embedding.
type Pooling = engine.Pooling

// The ways to pool.
const (
	LastToken = engine.LastToken // the hidden state after the last token, which has seen the whole text
	Mean      = engine.Mean      // the average of the hidden states after all tokens
)

// Embed reads each text from the beginning and passes its embedding, [channels], to each, in the order of texts. A text has at
// least one token. An embedding is the hidden state after the last layer and the output norm: the input of the head.
func (m *Model) Embed(ctx context.Context, texts [][]tokenizer.Token, pooling Pooling, each func(text int, embedding []float32) error) error {
	return m.Model.Embed(ctx, texts, pooling, engine.SessionOptions{Begin: m.begin}, each)
}

// EncodeLines returns the tokens of each line, for Embed. An empty line is the token that separates documents. A model without a
// tokenizer is an error.
func (m *Model) EncodeLines(lines []string) ([][]tokenizer.Token, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = fmt.Errorf("%s has no tokenizer, so it cannot read text", m.File().Path())
	}
	if err != nil {
		return nil, err
	}
	var texts [][]tokenizer.Token
	for i, l := range lines {
		tokens := []tokenizer.Token{BeginToken(vocab)}
		if l != "" {
			if tokens, err = vocab.Encode([]byte(l)); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		texts = append(texts, tokens)
	}
	return texts, nil
}

// LogitsOptions say which logits to return. The zero value means those after the last token.
type LogitsOptions struct {
	All   bool // after every token
	Chunk int  // tokens read at once; 0 chooses
}

// Logits reads tokens from the beginning of a text. It passes logits, [vocabulary], to each, with the position of the token before
// them. each must not keep them after it returns. Logits that are not finite are an error.
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
