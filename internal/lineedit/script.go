package lineedit

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/term"
)

// Script reads the messages of a script. Each is a line, or several as a person would type them.
type Script struct {
	Next  func() (string, error)   // returns the next line, or io.EOF
	Check func(length int64) error // returns an error for a message that is too long
}

// Read returns the next message, or io.EOF after the last one. If ctx ends first, it returns ctx's error. The other argument is for a
// person, who can edit the beginning of a message.
func (s Script) Read(ctx context.Context, _ string) (string, error) {
	text := ""
	for {
		line, err := term.Await(ctx, s.Next)
		if errors.Is(err, io.EOF) && text != "" {
			return strings.TrimSuffix(text, "\n"), nil // a message that is not complete
		}
		text += line
		if err == nil {
			err = s.Check(int64(len(text)))
		}
		if err != nil {
			return "", err
		}
		message, open := Message(text)
		if !open {
			return message, nil
		}
		text = message
	}
}

// Close does nothing.
func (s Script) Close() error { return nil }
