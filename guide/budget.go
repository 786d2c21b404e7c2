package guide

import (
	"bytes"
	"slices"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// endOfThoughts is what the model must read when its thoughts have used up their budget. A token that begins with tagEnd follows: which one is
// the model's choice, because the token may also have what comes behind the tag.
const (
	endOfThoughts = "\n</think"
	tagEnd        = '>'
)

// budget ends thoughts after a number of tokens.
type budget struct {
	all      *Guides
	left     int // tokens of thoughts
	splitter *chat.Splitter
	stream   tokenizer.Stream
	closing  [][]tokenizer.Token // one of each must be chosen next
	spent    bool
}

// closingTag returns the tokens that end thoughts: for each place those that are possible.
func closingTag(vocab tokenizer.Tokenizer) ([][]tokenizer.Token, error) {
	tag, err := vocab.Encode([]byte(endOfThoughts))
	if err != nil {
		return nil, err
	}
	var places [][]tokenizer.Token
	for _, t := range tag {
		places = append(places, []tokenizer.Token{t})
	}
	var ends []tokenizer.Token
	for t := range tokenizer.Token(vocab.Len()) {
		if piece, ok := vocab.Bytes(t); ok && bytes.HasPrefix(piece, []byte{tagEnd}) {
			ends = append(ends, t)
		}
	}
	return append(places, ends), nil
}

// next returns the tokens of which one has to come next to end the thoughts, or nil while there is time.
func (b *budget) next() (closing []tokenizer.Token, err error) {
	if b.splitter.Thinking() && b.left <= 0 && !b.spent {
		b.spent = true
		if b.closing, err = b.all.closing(); err != nil {
			return nil, err
		}
	}
	if len(b.closing) == 0 {
		return nil, nil
	}
	return b.closing[0], nil
}

func (b *budget) chosen(t tokenizer.Token, piece []byte) {
	if len(b.closing) > 0 && slices.Contains(b.closing[0], t) {
		b.closing = b.closing[1:]
	}
	if b.splitter.Thinking() {
		b.left--
	}
	b.splitter.Push(b.stream.Push(piece))
}
