package tokenizer

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// BPE is a byte-level BPE tokenizer, such as that of GPT-NeoX 20B. It works in this order:
//
//  1. It cuts added tokens such as <|endoftext|> out of the text.
//  2. It brings the rest into Unicode's normal form C, if the tokenizer asks for that.
//  3. It splits the text into words.
//  4. Each word starts as single bytes. The neighbours whose pair comes first in the list of merges are merged, again and again.
//
// The time is linear in the length of the text. For very long words it is n·log n.
type BPE struct {
	rows
	name   string
	marks  Marks
	pre    string // how GGUF calls the way of splitting
	split  splitter
	nfc    bool
	bytes  [256]Token // -1 for bytes without a token
	merges mergeTable
	pairs  [][2]Token // the merges in their order
	// The added tokens: those that are looked for in the text as it is, and those in its normal form.
	verbatim, normalized added
}

// added finds the added tokens in a text.
type added struct {
	trie  trie
	first [256]bool // bytes that they begin with
	some  bool
}

// newAdded indexes some of the rows, sorted by their bytes.
func newAdded(r *rows, sorted []Token) (a added, err error) {
	if len(sorted) == 0 {
		return a, nil
	}
	for _, t := range sorted {
		a.first[r.at(t)[0]] = true
	}
	a.some = true
	a.trie, err = newTrie(r, sorted)
	return a, err
}

// next returns where the first of the tokens in text begins and how long it is; n is 0 if there is none.
func (a *added) next(text []byte) (at, n int, token Token) {
	if !a.some {
		return len(text), 0, 0
	}
	for at, c := range text {
		if !a.first[c] {
			continue
		}
		if token, n := a.trie.longest(text[at:]); n > 0 {
			return at, n, token
		}
	}
	return len(text), 0, 0
}

// Name returns the name of the tokenizer.
func (b *BPE) Name() string { return b.name }

// Marks returns the tokens between texts.
func (b *BPE) Marks() Marks { return b.marks }

// Encode cuts text into tokens. The text of an added token such as <|endoftext|> becomes that token. Encode fails only if text has a byte
// that the vocabulary lacks. NeoX lacks the bytes that never occur in UTF-8.
func (b *BPE) Encode(text []byte) ([]Token, error) {
	e := encoder{BPE: b, tokens: make([]Token, 0, len(text)/4+8), known: make([]knownWord, knownWords(len(text)))}
	for offset := 0; offset < len(text); {
		at, n, token := b.verbatim.next(text[offset:])
		if err := e.text(text[offset : offset+at]); err != nil {
			return e.tokens, fmt.Errorf("after offset %d: %w", offset, err)
		}
		if n > 0 {
			e.tokens = append(e.tokens, token)
		}
		offset += at + n
	}
	return e.tokens, nil
}

// encoder is one text being encoded.
type encoder struct {
	*BPE
	tokens []Token
	known  []knownWord
	merger merger
}

// knownWord is a word that was encoded already, and where its tokens are.
type knownWord struct {
	word       []byte
	start, end int
}

// MaxWord is the maximum number of bytes of a word. Its merges take many times as much memory.
const MaxWord = 16 << 20

// longestKnown is the length of a word that is worth to be remembered.
const longestKnown = 32

// knownWords returns how many words to remember for a text of some length, a power of two.
func knownWords(length int) int {
	n := 64
	for n < 8192 && n < length/16 {
		n *= 2
	}
	return n
}

// text encodes what has no token of b.verbatim.
func (e *encoder) text(text []byte) error {
	if e.nfc {
		text = composed(text)
	}
	for total := len(text); len(text) > 0; {
		at, n, token := e.normalized.next(text)
		for words := text[:at]; len(words) > 0; {
			size := e.split(words)
			e.tokens = roomy(e.tokens, size, total-len(text)+at-len(words), total)
			if err := e.word(words[:size]); err != nil {
				return err
			}
			words = words[size:]
		}
		if n > 0 {
			e.tokens = append(e.tokens, token)
		}
		text = text[at+n:]
	}
	return nil
}

// word encodes one word.
func (e *encoder) word(word []byte) error {
	if len(word) > MaxWord {
		return fmt.Errorf("a word of %d bytes, %d are the most: is it a text?", len(word), MaxWord)
	}
	if len(word) > longestKnown {
		return e.merge(word)
	}
	hash := uint32(2166136261) // FNV-1a
	for _, c := range word {
		hash = (hash ^ uint32(c)) * 16777619
	}
	known := &e.known[int(hash^hash>>15)&(len(e.known)-1)]
	if bytes.Equal(known.word, word) {
		e.tokens = append(e.tokens, e.tokens[known.start:known.end]...)
		return nil
	}
	start := len(e.tokens)
	if err := e.merge(word); err != nil {
		return err
	}
	*known = knownWord{word, start, len(e.tokens)}
	return nil
}

// merge encodes a word that is not known yet.
func (e *encoder) merge(word []byte) error {
	start := len(e.tokens)
	for _, c := range word {
		t := e.bytes[c]
		if t < 0 {
			return fmt.Errorf("the vocabulary has no token for byte 0x%02x: remove it from the text or use another vocabulary", c)
		}
		e.tokens = append(e.tokens, t)
	}
	e.tokens = e.tokens[:start+e.merger.merge(&e.merges, e.tokens[start:])]
	return nil
}

// bpeParts are what a BPE is made of.
type bpeParts struct {
	name  string
	rows  rows
	pairs [][2]Token
	pre   preRule
	// Added tokens that are looked for in the normal form of a text; all others that are no normal ones are in the text itself.
	normalized func(Token) bool
	ends       []Token // that the file says, besides those with known names
	begin      Token   // that the file says, or -1
}

// newBPE makes a tokenizer of its parts.
func newBPE(p bpeParts) (*BPE, error) {
	b := &BPE{rows: p.rows, name: p.name, pre: p.pre.name, split: p.pre.split, nfc: p.pre.nfc, pairs: p.pairs}
	byBytes := map[string]Token{}
	for t, k := range b.kinds {
		if k == normal {
			byBytes[b.at(Token(t))] = Token(t)
		}
	}
	for c := range b.bytes {
		t, ok := byBytes[string([]byte{byte(c)})]
		if !ok {
			t = -1
		}
		b.bytes[c] = t
	}
	b.merges = newMergeTable(len(p.pairs))
	for rank, pair := range p.pairs {
		whole := b.at(pair[0]) + b.at(pair[1])
		t, ok := byBytes[whole]
		if !ok {
			return nil, fmt.Errorf("merge %d makes %s, which is not a token", rank, excerpt.Of(whole))
		}
		b.merges.put(pair, merge{rank: int32(rank), token: t})
	}
	if err := b.add(p); err != nil {
		return nil, err
	}
	if b.isNeoX() {
		b.name = neoxName
	}
	return b, nil
}

// isNeoX tells GPT-NeoX 20B's vocabulary from others by its size and its line ends.
func (b *BPE) isNeoX() bool {
	return b.Len() == neoxLen && b.at(neoxLine) == "\n" && b.at(neoxTwoLines) == "\n\n"
}

// add indexes the added tokens and finds those between texts.
func (b *BPE) add(p bpeParts) error {
	special := func(k kind) bool { return k == control || k == userDefined }
	var verbatim, normalized []Token
	for _, t := range b.sorted(special) {
		if p.normalized != nil && p.normalized(t) {
			normalized = append(normalized, t)
		} else {
			verbatim = append(verbatim, t)
		}
	}
	var err1, err2 error
	b.verbatim, err1 = newAdded(&b.rows, verbatim)
	b.normalized, err2 = newAdded(&b.rows, normalized)
	b.marks = b.marksFrom(p, verbatim)
	return errors.Join(err1, err2)
}

// endNames are the added tokens that end a text wherever they occur.
var endNames = []string{"<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "</s>"}

func (b *BPE) marksFrom(p bpeParts, tokens []Token) Marks {
	m := Marks{Begin: p.begin}
	seen := map[Token]bool{}
	end := func(t Token) {
		if b.has(t) && !seen[t] {
			m.End = append(m.End, t)
			seen[t] = true
		}
	}
	for _, t := range p.ends {
		end(t)
	}
	for _, name := range endNames {
		for _, t := range tokens {
			if b.at(t) == name {
				end(t)
				if m.Begin < 0 {
					m.Begin = t
				}
			}
		}
	}
	return m
}

// LineEnds returns the tokens of a prompt in the form that the model saw in training. NeoX encodes two line ends before a word as two
// tokens, and two line ends at the end of a text as one token. In training, its models saw the two tokens within every text, but not
// the single one. So LineEnds replaces the single token at the end of a prompt by the two tokens.
func LineEnds(t Tokenizer, tokens []Token) []Token {
	b, ok := t.(*BPE)
	if !ok || b.name != neoxName || len(tokens) == 0 || tokens[len(tokens)-1] != neoxTwoLines {
		return tokens
	}
	return append(tokens[:len(tokens)-1:len(tokens)-1], neoxLine, neoxLine)
}
