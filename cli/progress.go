package cli

import (
	"context"
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
)

// writing begins the progress line of a job that writes bytes. The caller ends the line.
func writing(c *urfave.Context, what string) *term.Progress {
	return term.NewProgress(c.App.ErrWriter, clock.Of(c.Context), what, term.Bytes, 0)
}

// reading begins the progress line of reading tokens. It also returns a context that counts the tokens which the model reads. The
// caller ends the line.
func reading(ctx context.Context, c *urfave.Context, what string, tokens int) (*term.Progress, context.Context) {
	line := term.NewReading(c.App.ErrWriter, clock.Of(c.Context), what, tokens)
	return line, lm.WithProgress(ctx, line.Add)
}

// follow returns a function that shows the events of a run of package compare, and one to call when the run ends.
func follow(c *urfave.Context) (show func(compare.Event), end func()) {
	var line *term.Progress // of the current step
	end = func() {
		if line != nil {
			line.End()
			line = nil
		}
	}
	show = func(e compare.Event) {
		switch {
		case e.Note != "":
			note(c, "%s", e.Note)
		case e.Measured != "":
			fmt.Fprintln(c.App.ErrWriter, e.Measured)
		case e.Ended:
			end()
		case line == nil && e.Bytes:
			line = term.NewProgress(c.App.ErrWriter, clock.Of(c.Context), e.Step, term.Bytes, e.Total)
		case line == nil:
			line = term.NewProgress(c.App.ErrWriter, clock.Of(c.Context), e.Step, term.Tokens, e.Total)
		default:
			line.Set(e.Done, e.Total)
			if e.News != "" {
				line.Say("%s", e.News)
			}
		}
	}
	return show, end
}
