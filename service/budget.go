package service

import (
	"bytes"
	"math"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// endOfThoughts is what the model must read when its thoughts have used up their budget. A token that begins with tagEnd follows: which one is
// the model's choice, because the token may also have what comes behind the tag.
const (
	endOfThoughts = "\n</think"
	tagEnd        = '>'
)

// budget is a sampler.Guide that ends thoughts after a number of tokens.
type budget struct {
	m        *Model
	left     int // tokens of thoughts
	splitter *chat.Splitter
	stream   tokenizer.Stream
	closing  [][]tokenizer.Token // one of each must be chosen next
	spent    bool
}

// newBudget returns the guide of an answer to a conversation's prompt.
func (m *Model) newBudget(c *chat.Prompt, tokens int) *budget {
	return &budget{m: m, left: tokens, splitter: c.NewSplitter()}
}

// closingTag returns the tokens that end thoughts: for each place those that are possible.
func (m *Model) closingTag() ([][]tokenizer.Token, error) {
	tag, err := m.vocab.Encode([]byte(endOfThoughts))
	if err != nil {
		return nil, err
	}
	var places [][]tokenizer.Token
	for _, t := range tag {
		places = append(places, []tokenizer.Token{t})
	}
	var ends []tokenizer.Token
	for t := range tokenizer.Token(m.vocab.Len()) {
		if piece, ok := m.vocab.Bytes(t); ok && bytes.HasPrefix(piece, []byte{tagEnd}) {
			ends = append(ends, t)
		}
	}
	return append(places, ends), nil
}

// Guide implements sampler.Guide.
func (b *budget) Guide(logits []float32) (err error) {
	if b.splitter.Thinking() && b.left <= 0 && !b.spent {
		b.spent = true
		if b.closing, err = b.m.closing(); err != nil {
			return err
		}
	}
	if len(b.closing) == 0 {
		return nil
	}
	kept := make([]float32, len(b.closing[0]))
	for i, t := range b.closing[0] {
		kept[i] = logits[t]
	}
	for i := range logits {
		logits[i] = float32(math.Inf(-1))
	}
	for i, t := range b.closing[0] {
		logits[t] = kept[i]
	}
	return nil
}

// Chosen implements sampler.Guide.
func (b *budget) Chosen(t tokenizer.Token) {
	if len(b.closing) > 0 {
		b.closing = b.closing[1:]
	}
	if b.splitter.Thinking() {
		b.left--
	}
	piece, _ := b.m.vocab.Bytes(t)
	b.splitter.Push(b.stream.Push(piece))
}
