package cli

import (
	"errors"
	"io"
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

// printComparison writes the result to standard output and, with --html, to a page. It writes the page last, so that the result
// is printed even if the page cannot be written.
func printComparison(c *urfave.Context, r compare.Comparison) error {
	path := c.Path("html")
	if path != "-" {
		err := printResult(c, r)
		if path == "" || err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
	}
	return writeOutput(c, path, func(w io.Writer) error { return compare.WritePage(w, r) })
}

func printResult(c *urfave.Context, r compare.Comparison) error {
	out := c.App.Writer
	switch {
	case c.Bool("json"):
		return jsontext.Write(out, r)
	case c.Bool("csv"):
		return compare.WriteCSV(out, r)
	}
	return outfile.Buffered(out, func(w io.Writer) error {
		return compare.WriteTables(w, r, c.Bool("markdown"))
	})
}
