// Package tokenizer turns text into RWKV's tokens and back. A vocabulary is a set of byte strings; text is cut greedily, at
// every place by the longest token that fits, with no normalization, no merges and nothing put in front. World, the vocabulary
// of all RWKV language models since 2023, is built in; others are read from rwkv_vocab_*.txt files or from the metadata of a
// GGUF file.
//
// Limits: a token has at most 1024 bytes, a vocabulary at most 1,048,576 rows and about eight million trie nodes. BPE
// vocabularies (the 2022 "Pile" models) and word vocabularies (MIDI) are not read.
package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Token is the number of a vocabulary's row.
type Token int32

// EndOfText is the token that separates documents in training. A model that emits it has finished.
const EndOfText Token = 0

const (
	maxTokenBytes = 1024
	maxRows       = 1 << 20
)

// Vocab is a vocabulary. It never changes once made and may be shared between goroutines.
type Vocab struct {
	text  string // the bytes of all tokens, in no particular order
	spans []span // by id
	kinds []kind // by id
	trie  trie   // of the tokens that text may match
}

// span is a part of Vocab.text.
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
)

// matches reports whether text may be cut into tokens of this kind.
func (k kind) matches() bool { return k == normal || k == userDefined || k == byteToken }

// Len returns the number of rows that may be sampled: the highest valid id plus one. A model may have more rows than that,
// which padded its matrices in training; their logits mean nothing.
func (v *Vocab) Len() int { return len(v.spans) }

// Bytes returns the bytes that t stands for, and whether t is a token of the vocabulary. Control tokens such as EndOfText
// stand for none. The slice is the caller's.
func (v *Vocab) Bytes(t Token) ([]byte, bool) {
	text, ok := v.lookup(t)
	return []byte(text), ok
}

func (v *Vocab) lookup(t Token) (string, bool) {
	if t < 0 || int(t) >= len(v.spans) || v.kinds[t] == absent {
		return "", false
	}
	if !v.kinds[t].matches() {
		return "", true
	}
	s := v.spans[t]
	return v.text[s.start:s.end], true
}

// Encode cuts text into tokens. It fails only where the vocabulary lacks single bytes (World has all of them), and then names
// the offset. It takes time linear in the length of text.
func (v *Vocab) Encode(text []byte) ([]Token, error) {
	return v.AppendEncode(make([]Token, 0, len(text)/4+8), text)
}

// AppendEncode appends the tokens of text to dst, as Encode.
func (v *Vocab) AppendEncode(dst []Token, text []byte) ([]Token, error) {
	for at := 0; at < len(text); {
		id, n := v.trie.longest(text[at:])
		if n == 0 {
			return dst, fmt.Errorf("offset %d: no token of the vocabulary starts with byte 0x%02x: remove it from the text or use another vocabulary", at, text[at])
		}
		dst = append(dst, id)
		at += n
	}
	return dst, nil
}

// Decode returns the bytes of the tokens, one after the other. They need not be valid UTF-8 (see Stream). Control tokens and
// ids that are no tokens add nothing.
func (v *Vocab) Decode(tokens []Token) []byte {
	var text []byte
	for _, t := range tokens {
		piece, _ := v.lookup(t)
		text = append(text, piece...)
	}
	return text
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

// vocab sorts the tokens and builds their trie. Of tokens with the same bytes the highest id is matched, as llama.cpp does.
func (b *table) vocab() (*Vocab, error) {
	v := &Vocab{text: b.text.String(), spans: b.spans, kinds: b.kinds}
	var sorted []Token
	for t, k := range v.kinds {
		if k.matches() && v.spans[t].start < v.spans[t].end {
			sorted = append(sorted, Token(t))
		}
	}
	slices.SortFunc(sorted, func(x, y Token) int {
		return cmp.Or(strings.Compare(v.at(x), v.at(y)), cmp.Compare(x, y))
	})
	return v, v.index(sorted)
}

// at returns the stored text of a row that exists.
func (v *Vocab) at(t Token) string { return v.text[v.spans[t].start:v.spans[t].end] }

// index builds the trie from the tokens to match, sorted by their bytes.
func (v *Vocab) index(sorted []Token) error {
	if len(sorted) == 0 {
		return errors.New("no tokens in the vocabulary")
	}
	var err error
	v.trie, err = newTrie(v, sorted)
	return err
}
