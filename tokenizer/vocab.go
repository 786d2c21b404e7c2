package tokenizer

import (
	"errors"
	"fmt"
	"slices"
)

// Vocab is a tokenizer that takes the longest token that fits at each position. It does not normalize or merge. World, Bytes, ByteValues
// and ABC are of this kind, and files rwkv_vocab_*.txt.
type Vocab struct {
	rows
	trie  trie // of the tokens that text may match
	model string
	name  string
	marks Marks
}

// Name returns the name of the vocabulary.
func (v *Vocab) Name() string { return v.name }

// Marks returns the tokens between texts.
func (v *Vocab) Marks() Marks { return v.marks }

// Encode cuts text into tokens. It fails only if text has a byte that the vocabulary lacks. The error names the byte's offset. World has
// all bytes. The time is linear in the length of text.
func (v *Vocab) Encode(text []byte) ([]Token, error) {
	dst := make([]Token, 0, len(text)/4+8)
	for at := 0; at < len(text); {
		id, n := v.trie.longest(text[at:])
		if n == 0 {
			return dst, fmt.Errorf("offset %d: no token of the vocabulary starts with byte 0x%02x: remove it from the text or use another vocabulary", at, text[at])
		}
		dst = append(roomy(dst, 1, at, len(text)), id)
		at += n
	}
	return dst, nil
}

// roomy makes room for n more tokens. A list that is full gets as much as the rest of the text should take by what was read of it:
// the usual growth leaves many copies behind, which take more memory than the longest texts themselves.
func roomy(tokens []Token, n, read, length int) []Token {
	if cap(tokens)-len(tokens) >= n {
		return tokens
	}
	perByte := float64(len(tokens)) / float64(max(read, 1))
	rest := int(1.05*perByte*float64(length-read)) + n
	return slices.Grow(tokens, max(n, min(rest, length-read+n)))
}

// vocab sorts the tokens and builds their trie. Of tokens with the same bytes the highest id is matched, as llama.cpp does.
func (b *table) vocab() (*Vocab, error) {
	v := &Vocab{rows: b.rows(), model: modelRWKV, name: "a vocabulary of the longest match", marks: endOfTextMarks}
	return v, v.index(v.sorted(kind.matches))
}

// index builds the trie from the tokens to match, sorted by their bytes.
func (v *Vocab) index(sorted []Token) error {
	if len(sorted) == 0 {
		return errors.New("no tokens in the vocabulary")
	}
	var err error
	v.trie, err = newTrie(&v.rows, sorted)
	return err
}
