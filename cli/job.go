package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// job is a text to generate.
type job struct {
	c       *urfave.Context
	model   *lm.Model
	tokens  []tokenizer.Token
	text    []byte // the prompt's
	options generate.Options
	format  chat.Format
	times   lm.Times // set by run
}

// run generates, prints, and writes --output.
func (j *job) run() error {
	if j.c.IsSet("output") {
		path := j.c.Path("output")
		song, err := newSong(j, path)
		if err != nil {
			return err
		}
		text := term.Text(j.c.App.Writer)
		if path == "-" {
			text = io.Discard // print the piece only once, in the file's format
		}
		return writeOutput(j.c, path, func(out io.Writer) error { return j.writeSong(song, text, out) })
	}
	var said strings.Builder
	err := j.print(term.Text(j.c.App.Writer), func(p generate.Piece) { said.WriteString(p.Text) })
	if err == nil && j.format.Calls {
		warnOfCall(j.c, j.format.Start(), said.String())
	}
	return err
}

// warnOfCall prints what is wrong with a function call.
func warnOfCall(c *urfave.Context, start prompt.Think, said string) {
	if err := chat.CheckCall(start, said); err != nil {
		fmt.Fprintf(c.App.ErrWriter, "gosling: warning: %s\n", errorText(err))
	}
}

// print generates, prints to w, and passes each piece to also.
func (j *job) print(w io.Writer, also func(generate.Piece)) error {
	session, err := j.model.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	out := generate.Printer{Out: w, IDs: j.c.Bool("ids")}
	if j.c.Bool("echo") {
		if err := out.Echo(j.tokens, j.text); err != nil {
			return err
		}
	}
	line, ctx := reading(j.c.Context, j.c, "reading", len(j.tokens))
	defer line.End()
	text := generate.Text(ctx, session, j.tokens, j.options)
	j.times, err = lm.Timed(ctx, text, len(j.tokens), func(p generate.Piece) error {
		line.End()
		also(p)
		return out.Piece(p)
	})
	if out.IDs || term.Is(w) {
		_, lineErr := io.WriteString(w, "\n")
		err = errors.Join(err, lineErr)
	}
	return err
}
