package cli

import (
	"context"
	"io"
	"os"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/dialog"
	"github.com/gosling-rwkv/gosling/internal/intext"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// lines is where a conversation's messages come from. Read returns io.EOF after the last message, and the context's error if the
// context ends first. The message begins with a given text if a person can edit it.
type lines interface {
	Read(ctx context.Context, begin string) (string, error)
	Close() error
}

// newLines reads from a terminal with editing and history, and otherwise plain lines. The caller closes it.
func newLines(c *urfave.Context, out io.Writer) (lines, error) {
	in := c.App.Reader
	if !term.Is(in) || !term.Is(out) {
		lines := intext.NewLines(textName("-"), in, messageLimit, func(text string) { note(c, "%s", text) })
		return lineedit.Script{Next: lines.Next, Check: func(n int64) error { return messageLimit.Check(textName("-"), n) }}, nil
	}
	history := &lineedit.History{}
	if !c.Bool("no-history") {
		if kept, err := dialog.OpenHistory(); err != nil {
			note(c, "no history: %s", errorText(err))
		} else {
			history = kept
		}
	}
	e, err := lineedit.New(lineedit.Options{
		In: term.File(in), Out: term.File(out), Prompt: "> ", More: "  ", Terminal: os.Getenv("TERM"), Reflows: lineedit.Reflows(), History: history, Complete: dialog.Complete,
	})
	if err != nil {
		return nil, err
	}
	return &editedLines{e, history, c}, nil
}

// editedLines reads messages from a person and keeps them in the history.
type editedLines struct {
	*lineedit.Editor
	history *lineedit.History
	c       *urfave.Context
}

func (l *editedLines) Read(ctx context.Context, begin string) (string, error) {
	text, err := l.Editor.Read(ctx, begin)
	if err == nil {
		if err := l.history.Add(text); err != nil {
			note(l.c, "not in the history: %s", errorText(err))
		}
	}
	return text, err
}
