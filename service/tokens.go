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

// placed is a token and the part of the text that it stands for, of which some may be in an earlier part.
type placed struct {
	Token
	begin, end int
}

// push adds the next token. A character belongs to the token that completes it.
func (t *tokens) push(id tokenizer.Token, p *sampler.Probabilities) {
	if !t.wanted {
		return
	}
	token := newToken(t.vocab, id, p)
	token.Text = t.stream.Push(token.Bytes)
	begin := t.end
	t.end += len(token.Text)
	t.open = append(t.open, placed{token, begin, t.end})
}

// in returns the tokens that end in a piece of the text, with their share of it. Tokens that end before it are in no part: they are tags, and
// white space in front of an answer.
func (t *tokens) in(begin, end int) (found []Token) {
	for len(t.open) > 0 && t.open[0].end <= end {
		p := t.open[0]
		t.open = t.open[1:]
		if p.end > begin || p.end == begin && p.begin == p.end {
			p.Text = p.Text[max(0, begin-p.begin):]
			found = append(found, p.Token)
		}
	}
	return found
}

// rest returns the tokens behind the last part of a text that has the given length. A stop string has cut them, or they complete no character.
func (t *tokens) rest(end int) (found []Token) {
	for _, p := range t.open {
		if p.begin < end || p.begin == p.end {
			p.Text = p.Text[:min(len(p.Text), end-p.begin)]
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
