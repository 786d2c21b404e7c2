package eval

import (
	"fmt"
	"slices"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Text is a text as tokens.
type Text struct {
	Tokens []tokenizer.Token
	Bytes  []uint16 // number of bytes of each token, at most tokenizer.MaxTokenBytes
}

// NewText converts a text to tokens. It puts bos in front unless bos is negative.
func NewText(vocab tokenizer.Tokenizer, text []byte, bos tokenizer.Token) (Text, error) {
	tokens, err := vocab.Encode(text)
	if err != nil {
		return Text{}, err
	}
	if bos >= 0 {
		tokens = slices.Insert(tokens, 0, bos)
	}
	t := Text{Tokens: tokens, Bytes: make([]uint16, len(tokens))}
	lengths := make([]uint16, vocab.Len()) // looked up once, because a text may have a hundred million tokens
	for id := range lengths {
		piece, _ := vocab.Bytes(tokenizer.Token(id))
		lengths[id] = uint16(len(piece))
	}
	for i, token := range tokens {
		if int(token) < len(lengths) {
			t.Bytes[i] = lengths[token]
		}
	}
	return t, nil
}

// Window holds tokens that a model reads from an empty state. The tokens after position First are scored. The score of a token comes from
// the logits after the token before it.
type Window struct {
	Tokens []tokenizer.Token
	First  int
	Bytes  int64 // of the scored tokens
}

// Scored returns the number of scored tokens.
func (w Window) Scored() int { return len(w.Tokens) - 1 - w.First }

// ShortError is the error of a text with too few tokens to measure.
type ShortError struct{ tokens, want int }

func (e *ShortError) Error() string {
	return fmt.Sprintf("the text has %d tokens, at least %d are needed", e.tokens, e.want)
}

// MinContext is the shortest window that Chunks makes.
const MinContext = 4

// Chunks cuts a text into windows of context tokens and leaves out the rest. It scores the second half of each, as
// llama-perplexity does. A limit above 0 is the maximum number of windows. If bos is not negative, it replaces the first token of
// each window.
func (t Text) Chunks(context, limit int, bos tokenizer.Token) ([]Window, error) {
	if context < MinContext {
		return nil, fmt.Errorf("a context of %d tokens: want %d or more", context, MinContext)
	}
	if len(t.Tokens) < 2*context {
		return nil, &ShortError{len(t.Tokens), 2 * context}
	}
	n := len(t.Tokens) / context
	if limit > 0 {
		n = min(n, limit)
	}
	windows := make([]Window, n)
	for i := range windows {
		at := i * context
		w := t.window(at, at+context, context/2)
		if bos >= 0 {
			w.Tokens = append([]tokenizer.Token{bos}, w.Tokens[1:]...)
		}
		windows[i] = w
	}
	return windows, nil
}

// Stream returns one window of the whole text. It scores all tokens except the first.
func (t Text) Stream() ([]Window, error) {
	if len(t.Tokens) < 2 {
		return nil, &ShortError{len(t.Tokens), 2}
	}
	return []Window{t.window(0, len(t.Tokens), 0)}, nil
}

func (t Text) window(from, to, first int) Window {
	w := Window{Tokens: t.Tokens[from:to:to], First: first}
	for _, n := range t.Bytes[from+first+1 : to] {
		w.Bytes += int64(n)
	}
	return w
}
