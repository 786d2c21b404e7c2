package cli

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/intext"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// lines is where a conversation's messages come from. Read returns io.EOF after the last message, and the context's error if the
// context ends first.
type lines interface {
	Read(ctx context.Context) (string, error)
}

// newLines reads from a terminal with editing and history, and otherwise plain lines.
func newLines(c *urfave.Context) lines {
	in, out := c.App.Reader, c.App.Writer
	if term.Is(in) && term.Is(out) {
		return term.NewEditor(term.File(in), term.File(out), "> ")
	}
	return plainLines{intext.NewLines(textName("-"), in, messageLimit, func(text string) { note(c, "%s", text) })}
}

// plainLines reads the lines of a script.
type plainLines struct{ from *intext.Lines }

func (p plainLines) Read(ctx context.Context) (string, error) { return term.Await(ctx, p.from.Next) }
