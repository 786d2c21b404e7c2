package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// betweenDocuments is put between the texts of a .jsonl file.
const betweenDocuments = "\n\n"

// readDocuments reads a text as readText does; of a .jsonl file the field "text" of each line.
func readDocuments(c *urfave.Context, path string) ([]byte, error) {
	data, err := readText(c, path, textLimit)
	if err != nil || !strings.EqualFold(filepath.Ext(path), ".jsonl") {
		return data, err
	}
	if data, err = joinDocuments(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// joinDocuments puts the texts of lines of JSON one behind the other.
func joinDocuments(data []byte) ([]byte, error) {
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

// beginning is the token that the model's file wants at the beginning of every text, or -1.
func beginning(m *lm.Model) tokenizer.Token {
	add, _ := m.File().Bool("tokenizer.ggml.add_bos_token")
	id, ok := m.File().Uint("tokenizer.ggml.bos_token_id")
	if !add || !ok || id >= uint64(m.Vocab()) {
		return -1
	}
	return tokenizer.Token(id)
}

// encodeText cuts what was read from path into the model's tokens.
func encodeText(m *lm.Model, path string, data []byte) (eval.Text, error) {
	if len(data) == 0 {
		return eval.Text{}, fmt.Errorf("%s: the text is empty", textName(path))
	}
	vocab, err := lm.Vocabulary(m.File())
	if err == nil && vocab == nil {
		err = fmt.Errorf("%s: holds no tokenizer, so no text can be measured: convert it again with --vocab", m.File().Path())
	}
	if err != nil {
		return eval.Text{}, err
	}
	text, err := eval.NewText(vocab, data, beginning(m))
	if err != nil {
		err = fmt.Errorf("%s: %w", textName(path), err)
	}
	return text, err
}

func textName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}
