package cli

import (
	"context"
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/dialog"
	"github.com/gosling-rwkv/gosling/internal/intext"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/private"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// lines is where a conversation's messages come from. Read returns io.EOF after the last message, and the context's error if the
// context ends first. The message begins with a given text if a person can edit it.
type lines interface {
	Read(ctx context.Context, begin string) (string, error)
}

// newLines reads from a terminal with editing and history, and otherwise plain lines.
func newLines(c *urfave.Context) (lines, error) {
	in, out := c.App.Reader, c.App.Writer
	if !term.Is(in) || !term.Is(out) {
		lines := intext.NewLines(textName("-"), in, messageLimit, func(text string) { note(c, "%s", text) })
		return lineedit.Script{Next: lines.Next, Check: func(n int64) error { return messageLimit.Check(textName("-"), n) }}, nil
	}
	history, err := openHistory(c)
	if err != nil {
		note(c, "no history: %s", errorText(err))
	}
	e, err := lineedit.New(lineedit.Options{
		In: term.File(in), Out: term.File(out), Prompt: "> ", More: "  ", Terminal: os.Getenv("TERM"), Reflows: lineedit.Reflows(), History: history, Complete: dialog.Complete,
	})
	if err != nil {
		return nil, err
	}
	return &editedLines{e, history, c}, nil
}

// openHistory opens the history of all conversations, unless the user wants none.
func openHistory(c *urfave.Context) (*lineedit.History, error) {
	if c.Bool("no-history") {
		return &lineedit.History{}, nil
	}
	folder, err := private.State(stateName)
	if err != nil {
		return &lineedit.History{}, err
	}
	h, err := lineedit.OpenHistory(filepath.Join(folder, "history"))
	if err != nil {
		return &lineedit.History{}, err
	}
	return h, nil
}

// stateName is the name of the folder for what is kept between runs.
const stateName = "gosling"

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
