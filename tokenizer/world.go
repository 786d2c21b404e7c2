package tokenizer

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

// worldTokens is the packed vocabulary rwkv_vocab_v20230424.txt, deflated. Its tokens are in the order of their bytes; of each
// it holds how many bytes it shares with the one before (high four bits) and how many follow (low four bits), where 15 says
// that the number is in a byte of its own, then the bytes that follow. The ids need no place: they count the tokens by length,
// then bytes.
//
//go:generate go run ../scripts/vocab -o world.bin
//go:embed world.bin
var worldTokens []byte

const (
	worldCount = 65529  // tokens
	worldBytes = 373358 // of them together
)

// World returns the vocabulary of the RWKV World and G1 models. Its ids are 0 to 65529: 0 is EndOfText, and 1 to 256 are the single bytes.
// The first call takes about ten milliseconds.
func World() *Vocab { return world() }

var world = sync.OnceValue(func() *Vocab {
	v, err := unpack(worldTokens, worldCount, worldBytes)
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the built-in vocabulary: %v", err))
	}
	return v
})

// Bytes returns the vocabulary of models with 257 rows: EndOfText, and id b+1 for the byte b.
func Bytes() *Vocab { return singleBytes() }

// ByteValues returns the vocabulary of models with 256 rows, which have no EndOfText: id b for the byte b.
func ByteValues() *Vocab { return byteValues() }

var (
	singleBytes = sync.OnceValue(func() *Vocab {
		var b table
		b.put(EndOfText, endOfTextName, control)
		return bytesFrom(&b, 1, "bytes, and an end of text")
	})
	byteValues = sync.OnceValue(func() *Vocab { return bytesFrom(&table{}, 0, "bytes") })
)

// bytesFrom adds the bytes, from the given token on.
func bytesFrom(b *table, first Token, name string) *Vocab {
	for c := range Token(256) {
		b.put(first+c, string([]byte{byte(c)}), normal)
	}
	v, err := b.vocab()
	if err != nil {
		panic(fmt.Sprintf("tokenizer: internal error: the vocabulary of bytes: %v", err))
	}
	v.name = name
	return v
}

func unpack(packed []byte, count, size int) (*Vocab, error) {
	text, spans, err := unfold(bufio.NewReader(flate.NewReader(bytes.NewReader(packed))), count, size)
	if err != nil {
		return nil, err
	}
	v := &Vocab{rows: rows{text, make([]span, count+1), make([]kind, count+1)}, model: modelRWKV, name: "World", marks: endOfTextMarks}
	v.spans[EndOfText], v.kinds[EndOfText] = span{0, uint32(len(endOfTextName))}, control
	sorted := numberByLength(spans)
	for i, t := range sorted {
		v.spans[t], v.kinds[t] = spans[i], normal
	}
	return v, v.index(sorted)
}

// unfold restores the tokens, sorted by their bytes, behind the name of EndOfText.
func unfold(r *bufio.Reader, count, size int) (string, []span, error) {
	text := make([]byte, len(endOfTextName), len(endOfTextName)+size)
	copy(text, endOfTextName)
	spans := make([]span, count)
	last := 0 // where the token before starts
	for i := range spans {
		head, err := r.ReadByte()
		shared, err1 := unfoldNumber(r, head>>4)
		own, err2 := unfoldNumber(r, head&15)
		start := len(text)
		if err := cmp.Or(err, err1, err2); err != nil {
			return "", nil, err
		}
		if shared > start-last || shared+own > cap(text)-start {
			return "", nil, fmt.Errorf("token %d has %d+%d bytes, too many", i, shared, own)
		}
		text = append(text, text[last:last+shared]...)
		text = text[:len(text)+own]
		if _, err := io.ReadFull(r, text[len(text)-own:]); err != nil {
			return "", nil, err
		}
		spans[i], last = span{uint32(start), uint32(len(text))}, start
	}
	return string(text), spans, nil
}

// unfoldNumber returns short, or the byte that follows for the largest of them.
func unfoldNumber(r *bufio.Reader, short byte) (int, error) {
	if short < 15 {
		return int(short), nil
	}
	long, err := r.ReadByte()
	return int(long), err
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
