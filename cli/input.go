package cli

import (
	"fmt"
	"io"
	"os"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/intext"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// readInput reads all of standard input, or stops when the context ends. what is added to the message that the program waits. It
// is empty or begins with a comma.
func readInput(c *urfave.Context, what string, limit infile.Limit) ([]byte, error) {
	if term.Is(c.App.Reader) {
		what += " (Ctrl-D)"
	}
	return limit.Wait(c.Context, "standard input", c.App.Reader, func() {
		fmt.Fprintf(c.App.ErrWriter, "gosling: waiting for the end of standard input%s\n", what)
	})
}

// readWhole reads a text from a file, or from standard input for "-", and returns it as UTF-8, as package intext does.
func readWhole(c *urfave.Context, path string, limit infile.Limit) ([]byte, error) {
	if path != "-" {
		return noted(c)(intext.Read(c.Context, path, limit))
	}
	data, err := readInput(c, "", limit)
	if err != nil {
		return nil, err
	}
	return noted(c)(intext.From(textName(path), data))
}

// decodeText returns the data read from path as UTF-8, and prints notes about what it changed.
func decodeText(c *urfave.Context, path string, data []byte) ([]byte, error) {
	return noted(c)(intext.Decode(textName(path), data))
}

// noted returns a function that prints the notes about a text and returns its other arguments.
func noted(c *urfave.Context) func(text []byte, notes []string, err error) ([]byte, error) {
	return func(text []byte, notes []string, err error) ([]byte, error) {
		for _, text := range notes {
			note(c, "%s", text)
		}
		return text, err
	}
}

// note prints a remark about an input to standard error. It prints the same remark only once.
func note(c *urfave.Context, format string, args ...any) {
	text := fmt.Sprintf("note: "+format, args...)
	if c.App.Metadata == nil {
		c.App.Metadata = map[string]any{}
	}
	if c.App.Metadata[text] == nil {
		c.App.Metadata[text] = true
		fmt.Fprintln(c.App.ErrWriter, text)
	}
}

// readText is readWhole without the last line end, which editors and echo add.
func readText(c *urfave.Context, path string, limit infile.Limit) ([]byte, error) {
	data, err := readWhole(c, path, limit)
	return withoutLineEnd(data), err
}

func withoutLineEnd(data []byte) []byte { return intext.WithoutLineEnd(data) }

// piped reports whether an input is a pipe or a file, not a terminal or the null device.
func piped(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}
