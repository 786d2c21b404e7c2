package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// readDocuments reads a text as readText does; of a .jsonl file the field "text" of each line.
func readDocuments(c *urfave.Context, path string) ([]byte, error) {
	data, err := readText(c, path, textLimit)
	if err != nil || !strings.EqualFold(filepath.Ext(path), ".jsonl") {
		return data, err
	}
	if data, err = eval.Documents(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// beginning is the token that the model's file wants at the beginning of every text, or -1.
func beginning(m *lm.Model) tokenizer.Token { return eval.BOS(m.File(), m.Vocab()) }

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
