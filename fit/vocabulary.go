package fit

import (
	"sync"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// worldRows is the size by which World's vocabulary is recognized.
const worldRows = 65536

// vocabularyBytes returns the size of a tokenizer in a GGUF file, plus the few keys that every model has.
func vocabularyBytes(rows int) int64 {
	const general = 2 << 10
	switch {
	case rows == worldRows:
		return worldBytes() + general
	case rows > 32000: // byte-pair tokens and the list of merges
		return 36*int64(rows) + general
	default:
		return 20*int64(rows) + general
	}
}

var worldBytes = sync.OnceValue(func() int64 {
	tokens, types := tokenizer.World().GGUFTokens(worldRows)
	n := 4 * int64(len(types))
	for _, t := range tokens {
		n += 8 + int64(len(t))
	}
	return n
})
