package service

import (
	"math"
	"strings"

	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// tokens finds which tokens belong to a piece of a text. Places are in bytes of the text.
type tokens struct {
	vocab  tokenizer.Tokenizer // nil if the model has none
	wanted bool                // somebody asked for tokens
	stream tokenizer.Stream
	open   []placed // that are not in a part yet
	end    int      // of the last token
}

// placed is a token and the part of the text that it stands for. Its Text is what was in parts so far.
type placed struct {
	Token
	whole      string
	begin, end int
}

// push adds the next token. A character belongs to the token that completes it.
func (t *tokens) push(id tokenizer.Token, p *sampler.Probabilities) {
	if !t.wanted {
		return
	}
	token := newToken(t.vocab, id, p)
	whole := t.stream.Push(token.Bytes)
	begin := t.end
	t.end += len(whole)
	t.open = append(t.open, placed{token, whole, begin, t.end})
}

// in returns the tokens that end in a piece of the text, with the text that they have in this piece and in earlier ones. Tokens that are in no
// piece are dropped: they are tags, and white space in front of an answer.
func (t *tokens) in(begin, end int) (found []Token) {
	kept := 0
	for i := range t.open {
		p := &t.open[i]
		if from, to := max(begin, p.begin), min(end, p.end); from < to {
			p.Text += p.whole[from-p.begin : to-p.begin]
		}
		if p.end > end {
			break
		}
		if kept++; p.Text != "" || p.begin == p.end && p.end >= begin {
			found = append(found, p.Token)
		}
	}
	t.open = t.open[kept:]
	return found
}

// rest returns the tokens behind the last piece of a text: a stop string has cut them, or they complete no character.
func (t *tokens) rest() (found []Token) {
	for _, p := range t.open {
		if p.Text != "" || p.begin == p.end {
			found = append(found, p.Token)
		}
	}
	t.open = nil
	return found
}

// newToken describes a token. p is nil if nothing is known of its probability.
func newToken(vocab tokenizer.Tokenizer, id tokenizer.Token, p *sampler.Probabilities) Token {
	token := Token{ID: id, Logprob: math.NaN()}
	if vocab != nil {
		token.Bytes, _ = vocab.Bytes(id)
	}
	if p == nil {
		return token
	}
	token.Logprob = p.Log
	for _, likely := range p.Top {
		t := newToken(vocab, likely.Token, nil)
		t.Text, t.Logprob = strings.ToValidUTF8(string(t.Bytes), "\uFFFD"), likely.Log
		token.Top = append(token.Top, t)
	}
	return token
}
