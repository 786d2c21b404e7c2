package tokenizer

import (
	"bytes"
	"cmp"
	"compress/flate"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// neoxMerges are the merges of 20B_tokenizer.json, deflated: of each the two tokens, in four planes, the low bytes of the left
// ones first, then their high bytes, then those of the right ones. The tokens need no place: they are the marks, the bytes in
// the order of GPT-2's alphabet, what the merges make, and the runs of spaces.
//
//go:generate go run ../scripts/vocab -neox -o neox.bin
//go:embed neox.bin
var neoxMerges []byte

const (
	neoxName             = "GPT-NeoX 20B"
	neoxMergeCount       = 50009
	neoxFirst            = 2  // the token of the first byte
	neoxSpaces           = 24 // the longest run of spaces
	neoxLen              = 50277
	neoxLine       Token = 187 // a line end
	// neoxTwoLines are two line ends, before the end of a text or of a line.
	neoxTwoLines Token = 535
)

// NeoX returns the tokenizer of the Pile and Raven models, which is that of GPT-NeoX 20B. It has 50277 tokens. The first call takes about
// twenty milliseconds.
func NeoX() *BPE { return neox() }

var neox = sync.OnceValue(func() *BPE {
	b, err := unpackNeoX(neoxMerges)
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the built-in merges: %v", err))
	}
	return b
})

// nameOfBPE says which tokenizer splits words by a rule: the one of the models that are known for it.
func nameOfBPE(rule preRule) string {
	return fmt.Sprintf("byte-level BPE as %s", cmp.Or(rule.name, "mpt"))
}

func unpackNeoX(packed []byte) (*BPE, error) {
	planes := make([]byte, 4*neoxMergeCount+1)
	if n, err := io.ReadFull(flate.NewReader(bytes.NewReader(packed)), planes); err != io.ErrUnexpectedEOF || n != 4*neoxMergeCount {
		return nil, fmt.Errorf("%d bytes, want %d (%v)", n, 4*neoxMergeCount, err)
	}
	var b table
	b.put(0, "<|endoftext|>", control)
	b.put(1, "<|padding|>", control)
	next := Token(neoxFirst)
	texts := make([]string, neoxFirst, neoxLen)
	put := func(text string, k kind) {
		b.put(next, text, k)
		texts = append(texts, text)
		next++
	}
	for _, c := range neoxBytes() {
		put(string([]byte{c}), normal)
	}
	pairs := make([][2]Token, neoxMergeCount)
	for i := range pairs {
		at := func(plane int) Token { return Token(planes[plane*neoxMergeCount+i]) }
		left, right := at(0)|at(1)<<8, at(2)|at(3)<<8
		if min(left, right) < neoxFirst || max(left, right) >= next {
			return nil, fmt.Errorf("merge %d joins %d and %d, which are not tokens yet", i, left, right)
		}
		pairs[i] = [2]Token{left, right}
		put(texts[left]+texts[right], normal)
	}
	for n := neoxSpaces; n > 1; n-- {
		put(strings.Repeat(" ", n), userDefined)
	}
	rule, _ := ruleNamed("mpt")
	return newBPE(bpeParts{name: neoxName, rows: b.rows(), pairs: pairs, pre: rule, begin: EndOfText})
}

// neoxBytes are the bytes that have a token, in the order of their letters: all that occur in UTF-8.
func neoxBytes() []byte {
	var all []byte
	for c := range 256 {
		if c != 0xc0 && c != 0xc1 && c < 0xf5 {
			all = append(all, byte(c))
		}
	}
	slices.SortFunc(all, func(a, b byte) int { return cmp.Compare(letterOfByte[a], letterOfByte[b]) })
	return all
}
