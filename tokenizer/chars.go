package tokenizer

import (
	"fmt"
	"sync"
)

// The tokens of ABC that are not characters of a tune.
const (
	abcBegin Token = 2
	abcEnd   Token = 3
	abcRows        = 128
)

// ABC returns the vocabulary of the models of music in ABC notation. The token of a character is its code point. The first four tokens are
// not text: 0 is padding, 2 begins a tune and 3 ends it.
func ABC() *Vocab { return abc() }

var abc = sync.OnceValue(func() *Vocab {
	var b table
	for c := range Token(abcRows) {
		k := normal
		if c <= abcEnd {
			k = silent
		}
		b.put(c, string(rune(c)), k)
	}
	v, err := b.vocab()
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the vocabulary of characters: %v", err))
	}
	v.model, v.name, v.marks = modelChar, "ABC notation", Marks{abcBegin, []Token{abcEnd}}
	return v
})
