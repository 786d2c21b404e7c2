package cli

import (
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

// printResults prints the results of a benchmark in the format of --output, or returns its error.
func printResults[R bench.Result | bench.ParallelResult](c *urfave.Context, err error, results []R, table func(io.Writer, []R) error) error {
	if err != nil {
		return onOpening(c, err)
	}
	return outfile.Buffered(c.App.Writer, func(w io.Writer) error {
		switch c.String("output") {
		case "json":
			return jsontext.Write(w, results)
		case "jsonl":
			return nil // already printed
		case "csv":
			return bench.WriteCSV(w, results)
		default:
			return table(w, results)
		}
	})
}
