package intext

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// betweenDocuments separates the texts of a .jsonl file.
const betweenDocuments = "\n\n"

// Documents joins the fields "text" of lines of JSON, with an empty line between two texts.
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
