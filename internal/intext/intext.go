// Package intext reads texts from outside as UTF-8, and tells what is odd about them.
//
// Limits: what is no text in any encoding that it knows is read as it is, with a note.
package intext

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/utf"
)

// Limit is how large a text may be.
var Limit = infile.Limit{Bytes: 128 << 20, What: "a text"}

// Read reads the text in the file at path, with notes about what it found. It waits for a pipe until ctx ends. It refuses what Git
// leaves in place of a large file. A web page, which may be the error of a download, is a note.
func Read(ctx context.Context, path string, limit infile.Limit) (text []byte, notes []string, err error) {
	data, err := limit.Read(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if filekind.IsPage(data) && !marked(path) {
		notes = append(notes, path+" is a web page or XML, and is read with its tags; if it was downloaded, look whether the download gave an error")
	}
	text, more, err := From(path, data)
	return text, append(notes, more...), err
}

// From is the text in data, which was read from what name tells. It refuses what Git leaves in place of a large file.
func From(name string, data []byte) (text []byte, notes []string, err error) {
	if filekind.IsPointer(data) {
		return nil, nil, fmt.Errorf("%s: %s", name, filekind.Recognize(data, "text"))
	}
	return Decode(name, data)
}

// Decode returns data, which was read from what name tells, as UTF-8. It notes if that is something else than the bytes.
func Decode(name string, data []byte) (text []byte, notes []string, err error) {
	text, is, err := utf.Decode(data)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	case is == utf.UTF8:
	case is == utf.Unknown:
		notes = append(notes, fmt.Sprintf("%s: not UTF-8 at byte %d: its bytes are read as they are", name, utf.Invalid(data)))
	case is == utf.MarkedUTF8:
		notes = append(notes, name+": the byte order mark at its beginning is left out")
	default:
		notes = append(notes, fmt.Sprintf("%s: decoded from %s", name, is))
	}
	return text, notes, nil
}

// WithoutLineEnd is a text without the line end that editors and echo put last.
func WithoutLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}

// marked reports whether a file's name says that its text has tags.
func marked(path string) bool {
	return slices.Contains([]string{".html", ".htm", ".xhtml", ".xml", ".svg"}, strings.ToLower(filepath.Ext(path)))
}
