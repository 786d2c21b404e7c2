package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteTable writes results as a table in Markdown, with the columns of llama-bench, the kernels and the share of the memory
// bandwidth.
func WriteTable(out io.Writer, results []Result) error {
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
	return w.Flush()
}
