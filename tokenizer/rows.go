package tokenizer

import (
	"cmp"
	"slices"
	"strings"
)

// rows are the tokens of a vocabulary.
type rows struct {
	text  string // the bytes of all tokens, in no particular order
	spans []span // by id
	kinds []kind // by id
}

// span is a part of rows.text.
type span struct{ start, end uint32 }

// kind is what a row is for, numbered as GGUF's tokenizer.ggml.token_type.
type kind uint8

const (
	absent      kind = 0 // not in GGUF: a row that no token uses
	normal      kind = 1
	unknown     kind = 2
	control     kind = 3
	userDefined kind = 4
	unused      kind = 5
	byteToken   kind = 6
	silent      kind = 7 // not in GGUF, where it is control: text may match it, yet it stands for none
)

// matches reports whether text may be cut into tokens of this kind.
func (k kind) matches() bool { return k == normal || k == userDefined || k == byteToken || k == silent }

// speaks reports whether tokens of this kind stand for text.
func (k kind) speaks() bool { return k == normal || k == userDefined || k == byteToken }

// Len returns the highest valid id plus one.
func (r *rows) Len() int { return len(r.spans) }

// Bytes returns the bytes that t stands for, and whether t is a token of the vocabulary. Control tokens such as EndOfText
// stand for none. The slice is the caller's.
func (r *rows) Bytes(t Token) ([]byte, bool) {
	text, ok := r.lookup(t)
	return []byte(text), ok
}

func (r *rows) lookup(t Token) (string, bool) {
	switch {
	case !r.has(t):
		return "", false
	case !r.kinds[t].speaks():
		return "", true
	}
	return r.at(t), true
}

// Decode returns the bytes of the tokens, one after the other. They may not be valid UTF-8 (see Stream). Decode skips control tokens,
// and ids that are not tokens.
func (r *rows) Decode(tokens []Token) []byte {
	var text []byte
	for _, t := range tokens {
		piece, _ := r.lookup(t)
		text = append(text, piece...)
	}
	return text
}

func (r *rows) has(t Token) bool { return t >= 0 && int(t) < len(r.kinds) && r.kinds[t] != absent }

// at returns the stored text of a row that exists.
func (r *rows) at(t Token) string { return r.text[r.spans[t].start:r.spans[t].end] }

// sorted returns the tokens of certain kinds that are not empty, by their bytes, and of equal ones by their id.
func (r *rows) sorted(of func(kind) bool) []Token {
	var tokens []Token
	for t, k := range r.kinds {
		if of(k) && r.spans[t].start < r.spans[t].end {
			tokens = append(tokens, Token(t))
		}
	}
	slices.SortFunc(tokens, func(x, y Token) int {
		return cmp.Or(strings.Compare(r.at(x), r.at(y)), cmp.Compare(x, y))
	})
	return tokens
}

// table collects the rows of a vocabulary in any order.
type table struct {
	text  strings.Builder
	spans []span
	kinds []kind
}

// put sets a row that is still absent.
func (b *table) put(t Token, text string, k kind) {
	if more := int(t) + 1 - len(b.spans); more > 0 {
		b.spans = append(b.spans, make([]span, more)...)
		b.kinds = append(b.kinds, make([]kind, more)...)
	}
	start := uint32(b.text.Len())
	b.text.WriteString(text)
	b.spans[t] = span{start, uint32(b.text.Len())}
	b.kinds[t] = k
}

func (b *table) has(t Token) bool { return int(t) < len(b.kinds) && b.kinds[t] != absent }

func (b *table) rows() rows { return rows{text: b.text.String(), spans: b.spans, kinds: b.kinds} }
