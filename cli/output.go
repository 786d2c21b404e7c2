package cli

import (
	"context"
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
)

func forceFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "force", Usage: "replace the output if it exists", DisableDefaultText: true}
}

// notStdout rejects standard output for a file that must be read again.
func notStdout(c *urfave.Context, flag string) error {
	if c.Path(flag) == "-" {
		return misuse(c, "--%s -: the file is read again, and standard output cannot be: name a file", flag)
	}
	return nil
}

// bytesAtTerminal refuses to write binary data to a terminal.
func bytesAtTerminal(c *urfave.Context, what string) error {
	if c.Path("output") == "-" && term.Is(c.App.Writer) {
		return misuse(c, "%s would write binary data to the terminal: add --output FILE", what)
	}
	return nil
}

// guard keeps the command's outputs apart from its inputs.
func guard(c *urfave.Context) outfile.Guard {
	return outfile.Guard{Inputs: func() []string { return inputs(c) }, Force: c.Bool("force")}
}

// writeOutput lets write fill the file at path. "-" means standard output.
func writeOutput(c *urfave.Context, path string, write func(io.Writer) error) error {
	if path == "-" {
		return outfile.Buffered(term.Text(c.App.Writer), write)
	}
	return guard(c).Write(c.Context, path, write)
}

// heeding is a writer that stops writing when its context ends, so that Ctrl-C stops long output.
type heeding struct {
	ctx context.Context
	io.Writer
}

func (h heeding) Write(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.Writer.Write(p)
}
