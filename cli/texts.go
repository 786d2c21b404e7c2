package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/intext"
)

// readDocuments reads a text as readText does; of a .jsonl file the field "text" of each line.
func readDocuments(c *urfave.Context, path string) ([]byte, error) {
	data, err := readText(c, path, textLimit)
	if err != nil || !strings.EqualFold(filepath.Ext(path), ".jsonl") {
		return data, err
	}
	if data, err = intext.Documents(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

func textName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}
