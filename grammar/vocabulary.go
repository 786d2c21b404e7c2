package grammar

import (
	"bytes"
	"slices"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Vocabulary is the tokens of a tokenizer as a trie of their bytes. It never changes, so goroutines may share it. Make one for each
// model: that of World takes about 30 milliseconds and 2 MB.
type Vocabulary struct {
	tokens  tokenizer.Tokenizer
	trie    []branch // parents before children, siblings in the order of their labels
	same    []twins
	ends    []tokenizer.Token
	words   int               // of a mask
	longest int               // bytes of the longest token
	sorted  []tokenizer.Token // by the number of bytes, the longest first
	counts  []int             // how many tokens have more bytes than the index
}

// branch is one node of the trie but for the root.
type branch struct {
	token tokenizer.Token // that ends here, or -1
	skip  uint32          // the first branch behind those below
	depth uint16          // of the parent
	reach uint16          // bytes of the longest token that ends here or below
	label byte
}

// twins are tokens with the same bytes.
type twins struct{ first, other tokenizer.Token }

// NewVocabulary makes the trie of a tokenizer's tokens. Tokens without bytes are left out, and so are those that end a text.
func NewVocabulary(t tokenizer.Tokenizer) *Vocabulary {
	type entry struct {
		token tokenizer.Token
		bytes []byte
	}
	v := &Vocabulary{tokens: t, ends: t.Marks().End, words: (t.Len() + 63) / 64}
	var entries []entry
	for id := range tokenizer.Token(t.Len()) {
		if b, ok := t.Bytes(id); ok && len(b) > 0 && !slices.Contains(v.ends, id) {
			entries = append(entries, entry{id, b})
			v.longest = max(v.longest, len(b))
		}
	}
	v.counts = make([]int, v.longest+1)
	for _, e := range entries {
		for n := range e.bytes {
			v.counts[n]++
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return len(b.bytes) - len(a.bytes) })
	for _, e := range entries {
		v.sorted = append(v.sorted, e.token)
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(a.bytes, b.bytes) })
	var last entry
	open := make([]int, 0, v.longest) // the branches that lead to last
	for _, e := range entries {
		shared := 0
		for shared < len(last.bytes) && shared < len(e.bytes) && last.bytes[shared] == e.bytes[shared] {
			shared++
		}
		if shared == len(e.bytes) { // sorted, so last is the same
			v.same = append(v.same, twins{last.token, e.token})
			continue
		}
		open = v.close(open, shared)
		for i, c := range e.bytes[shared:] {
			open = append(open, len(v.trie))
			v.trie = append(v.trie, branch{token: -1, depth: uint16(shared + i), label: c})
		}
		v.trie[len(v.trie)-1].token = e.token
		for _, at := range open {
			v.trie[at].reach = max(v.trie[at].reach, uint16(len(e.bytes)))
		}
		last = e
	}
	v.close(open, 0)
	return v
}

// close sets where the open branches end, all but the first n.
func (v *Vocabulary) close(open []int, n int) []int {
	for _, at := range open[n:] {
		v.trie[at].skip = uint32(len(v.trie))
	}
	return open[:n]
}

// longerThan returns the tokens of more than n bytes, n at most longest.
func (v *Vocabulary) longerThan(n int) []tokenizer.Token { return v.sorted[:v.counts[n]] }

// extends reports whether a token begins with all of text and is longer.
func (v *Vocabulary) extends(text []byte) bool {
	at := 0
	for i, c := range text {
		for at < len(v.trie) && int(v.trie[at].depth) == i && v.trie[at].label != c {
			at = int(v.trie[at].skip)
		}
		if at == len(v.trie) || int(v.trie[at].depth) != i {
			return false
		}
		at++
	}
	return at < len(v.trie) && int(v.trie[at].depth) == len(text)
}
