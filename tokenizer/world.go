package tokenizer

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
)

// worldTokens is the packed vocabulary rwkv_vocab_v20230424.txt, deflated: for each of its tokens in the order of their bytes
// how many bytes it shares with the one before (high four bits) and how many follow (low four bits), where 15 says that the
// number is in a byte of its own, then all bytes that follow. The ids need no place: they count the tokens by length, then bytes.
//
//go:generate go run ../scripts/vocab -o world.bin
//go:embed world.bin
var worldTokens []byte

const worldCount = 65529

// World returns the vocabulary of the RWKV World and G1 models: ids 1 to 65529, of which 1 to 256 are the single bytes, and
// EndOfText.
var World = sync.OnceValue(func() *Vocab {
	v, err := unpack(worldTokens, worldCount)
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the built-in vocabulary: %v", err))
	}
	return v
})

// Bytes returns the vocabulary of models with 257 rows: EndOfText, and id b+1 for the byte b.
var Bytes = sync.OnceValue(func() *Vocab {
	var b table
	b.put(EndOfText, endOfTextName, control)
	for c := range 256 {
		b.put(Token(c+1), string([]byte{byte(c)}), normal)
	}
	v, err := b.vocab()
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the vocabulary of bytes: %v", err))
	}
	return v
})

func unpack(packed []byte, count int) (*Vocab, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	text, spans, err := unfold(data, count)
	if err != nil {
		return nil, err
	}
	v := &Vocab{text: text, spans: make([]span, count+1), kinds: make([]kind, count+1)}
	v.spans[EndOfText], v.kinds[EndOfText] = span{0, uint32(len(endOfTextName))}, control
	sorted := numberByLength(spans)
	for i, t := range sorted {
		v.spans[t], v.kinds[t] = spans[i], normal
	}
	return v, v.index(sorted)
}

// unfold restores the tokens, sorted by their bytes, behind the name of EndOfText.
func unfold(data []byte, count int) (string, []span, error) {
	rest := data
	next := func(short byte) int {
		if short == 15 && len(rest) > 0 {
			short, rest = rest[0], rest[1:]
		}
		return int(short)
	}
	type head struct{ shared, own int }
	shape := make([]head, count)
	size := len(endOfTextName)
	for i := range shape {
		if len(rest) == 0 {
			return "", nil, io.ErrUnexpectedEOF
		}
		h := rest[0]
		rest = rest[1:]
		shape[i].shared = next(h >> 4)
		shape[i].own = next(h & 15)
		size += shape[i].shared + shape[i].own
	}
	var text strings.Builder
	text.Grow(size)
	text.WriteString(endOfTextName)
	spans, last := make([]span, count), ""
	for i, s := range shape {
		if s.shared > len(last) || s.own > len(rest) {
			return "", nil, io.ErrUnexpectedEOF
		}
		start := text.Len()
		text.WriteString(last[:s.shared])
		text.Write(rest[:s.own])
		rest = rest[s.own:]
		last = text.String()[start:]
		spans[i] = span{uint32(start), uint32(text.Len())}
	}
	return text.String(), spans, nil
}

// numberByLength gives each of the sorted tokens its id: 1 for the first of the shortest.
func numberByLength(spans []span) []Token {
	var next [256]Token
	for _, s := range spans {
		next[s.end-s.start]++
	}
	id := Token(1)
	for n, count := range next {
		next[n], id = id, id+count
	}
	ids := make([]Token, len(spans))
	for i, s := range spans {
		n := s.end - s.start
		ids[i] = next[n]
		next[n]++
	}
	return ids
}
