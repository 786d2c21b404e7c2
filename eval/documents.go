package eval

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// betweenDocuments is put between the texts of a .jsonl file.
const betweenDocuments = "\n\n"

// Documents joins the field "text" of lines of JSON, with an empty line between two texts.
func Documents(data []byte) ([]byte, error) {
	var texts []byte
	i, between := 0, ""
	for line := range bytes.Lines(data) {
		if i++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var document struct{ Text *string }
		if err := json.Unmarshal(line, &document); err != nil {
			return nil, fmt.Errorf("line %d: %w", i, excerpt.Error(err))
		}
		if document.Text == nil {
			return nil, fmt.Errorf("line %d has no field \"text\"", i)
		}
		texts = append(append(texts, between...), *document.Text...)
		between = betweenDocuments
	}
	return texts, nil
}

// BOS is the token that a model's file wants at the beginning of every text, or -1. vocab is the number of the model's tokens.
func BOS(f *gguf.File, vocab int) tokenizer.Token {
	add, _ := f.Bool("tokenizer.ggml.add_bos_token")
	id, ok := f.Uint("tokenizer.ggml.bos_token_id")
	if !add || !ok || id >= uint64(vocab) {
		return -1
	}
	return tokenizer.Token(id)
}
