package cli

import (
	"fmt"
	"io"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/units"
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
		case "csv":
			return bench.WriteCSV(w, results)
		default:
			return table(w, results)
		}
	})
}

func printBenchTable(out io.Writer, results []bench.Result) error {
	if err := bench.WriteTable(out, results); err != nil {
		return err
	}
	r := results[len(results)-1]
	err := printLoaded(out, r.Model, r.LoadSeconds, r.PeakRSS, r.GGML)
	if err == nil && r.Bandwidth > 0 {
		_, err = fmt.Fprintf(out, "memory bandwidth %.1f GiB/s on %d threads, a generated token reads %s\n", r.Bandwidth/(1<<30), r.Threads, units.Bytes(r.BytesPerToken))
	}
	return err
}

func printParallelTable(out io.Writer, results []bench.ParallelResult) error {
	if err := bench.WriteParallel(out, results); err != nil {
		return err
	}
	r := results[len(results)-1]
	return printLoaded(out, r.Model, r.LoadSeconds, r.PeakRSS, r.GGML)
}

func printLoaded(out io.Writer, model string, load float.Number, peak int64, ggml string) error {
	_, err := fmt.Fprintf(out, "\n%s: loaded in %.2f s, at most %s of memory in use; ggml %s\n", filepath.Base(model), load, units.Bytes(peak), ggml)
	return err
}
