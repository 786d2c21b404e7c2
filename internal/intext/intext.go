// Package intext reads texts from outside as UTF-8, and reports what is unusual about them.
//
// Limits: bytes that are not text in a known encoding are returned unchanged, with a note.
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

// Limit is the maximum size of a text.
var Limit = infile.Limit{Bytes: 128 << 20, What: "a text"}

// Read reads the text in the file at path. notes say what it found. It waits for a pipe until ctx ends. It rejects a Git LFS
// pointer. A web page, which may be a failed download, gives a note.
func Read(ctx context.Context, path string, limit infile.Limit) (text []byte, notes []string, err error) {
	data, err := limit.Read(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if filekind.IsPage(data) && !marked(path) {
		notes = append(notes, path+" is a web page or XML, and is read with its tags; if you downloaded it, check whether the download failed")
	}
	text, more, err := From(path, data)
	return text, append(notes, more...), err
}

// From returns the text in data. name says where data comes from. From rejects a Git LFS pointer.
func From(name string, data []byte) (text []byte, notes []string, err error) {
	if filekind.IsPointer(data) {
		return nil, nil, fmt.Errorf("%s: %s", name, filekind.Recognize(data, "text"))
	}
	return Decode(name, data)
}

// Decode returns data as UTF-8. name says where data comes from. A note says what Decode changed.
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

// WithoutLineEnd returns a text without its last line end, which editors and echo add.
func WithoutLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}

// marked reports whether a file's name says that its text has tags.
func marked(path string) bool {
	return slices.Contains([]string{".html", ".htm", ".xhtml", ".xml", ".svg"}, strings.ToLower(filepath.Ext(path)))
}
