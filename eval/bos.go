package eval

import (
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// BOS returns the token that a model's file wants at the beginning of every text, or -1. vocab is the number of the model's
// tokens.
func BOS(f *gguf.File, vocab int) tokenizer.Token {
	add, _ := f.Bool("tokenizer.ggml.add_bos_token")
	id, ok := f.Uint("tokenizer.ggml.bos_token_id")
	if !add || !ok || id >= uint64(vocab) {
		return -1
	}
	return tokenizer.Token(id)
}
