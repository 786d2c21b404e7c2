package compare

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/intext"
	"github.com/gosling-rwkv/gosling/lm"
)

// whole returns a text unchanged and passes on the notes about it.
func (t teller) whole(ctx context.Context, text Text) ([]byte, error) {
	if text.Data != nil || text.Path == "-" {
		return text.Data, nil
	}
	data, notes, err := intext.Read(ctx, text.Path, intext.Limit)
	for _, n := range notes {
		t.remark("%s", n)
	}
	return data, err
}

// read returns a text without its last line end. Of a .jsonl file it returns the field "text" of each line.
func (t teller) read(ctx context.Context, text Text) ([]byte, error) {
	data, err := t.whole(ctx, text)
	data = intext.WithoutLineEnd(data)
	if err != nil || !strings.EqualFold(filepath.Ext(text.Path), ".jsonl") {
		return data, err
	}
	if data, err = intext.Documents(data); err != nil {
		return nil, fmt.Errorf("%s: %w", text.Path, err)
	}
	return data, nil
}

// encode converts a text to the model's tokens.
func encode(m *lm.Model, text Text, data []byte) (eval.Text, error) {
	if len(data) == 0 {
		return eval.Text{}, fmt.Errorf("%s: the text is empty", text.name())
	}
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = &NoTokenizerError{m.File().Path()}
	}
	if err != nil {
		return eval.Text{}, err
	}
	tokens, err := eval.NewText(vocab, data, eval.BOS(m.File(), m.Vocab()))
	return tokens, text.fault(err)
}

// fault adds the text's name to an error.
func (t Text) fault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", t.name(), err)
}

// toRead returns how many tokens of windows a model reads.
func toRead(windows []eval.Window) int {
	total := 0
	for _, w := range windows {
		total += len(w.Tokens) - 1
	}
	return total
}
