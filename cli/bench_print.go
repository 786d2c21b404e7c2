package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func printBench(w io.Writer, format string, results []bench.Result) error {
	switch format {
	case "json":
		return jsontext.Write(w, results)
	case "csv":
		return bench.WriteCSV(w, results)
	default:
		return printBenchTable(w, results)
	}
}

func printBenchTable(out io.Writer, results []bench.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row := func(texts ...string) { fmt.Fprintf(w, "| %s\t|\n", cells.Markdown(texts, "\t| ")) }
	row("model", "size", "params", "backend", "threads", "kernels", "test", "t/s", "bandwidth")
	row("---", "---:", "---:", "---", "---:", "---", "---:", "---:", "---:")
	for _, r := range results {
		share := ""
		if r.BandwidthShare > 0 {
			share = fmt.Sprintf("%.0f %%", 100*r.BandwidthShare)
		}
		row(r.ModelType, units.Bytes(r.ModelSize), fmt.Sprintf("%.2f M", float64(r.Parameters)/1e6), r.Backends, fmt.Sprint(r.Threads), r.Kernels,
			r.Test(), cells.Number("%.2f", r.AvgTS)+" ± "+cells.Number("%.2f", r.StddevTS), share)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	r := results[len(results)-1]
	_, err := fmt.Fprintf(out, "\n%s: loaded in %.2f s, at most %s of memory in use; ggml %s\n",
		filepath.Base(r.Model), r.LoadSeconds, units.Bytes(r.PeakRSS), r.GGML)
	if err == nil && r.Bandwidth > 0 {
		_, err = fmt.Fprintf(out, "memory bandwidth %.1f GiB/s on %d threads, a generated token reads %s\n", r.Bandwidth/(1<<30), r.Threads, units.Bytes(r.BytesPerToken))
	}
	return err
}
