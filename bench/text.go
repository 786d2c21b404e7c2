package bench

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteText writes WriteTable's table and, below it, what loading took and how fast the memory is.
func WriteText(out io.Writer, results []Result) error {
	if err := WriteTable(out, results); err != nil {
		return err
	}
	r := results[len(results)-1]
	err := writeLoaded(out, r.Model, r.LoadSeconds, r.PeakRSS, r.GGML)
	if err == nil && r.Bandwidth > 0 {
		_, err = fmt.Fprintf(out, "memory bandwidth %.1f GiB/s on %d threads, a generated token reads %s\n", r.Bandwidth/(1<<30), r.Threads, units.Bytes(r.BytesPerToken))
	}
	return err
}

// WriteParallelText writes WriteParallel's table and, below it, what loading took.
func WriteParallelText(out io.Writer, results []ParallelResult) error {
	if err := WriteParallel(out, results); err != nil {
		return err
	}
	r := results[len(results)-1]
	return writeLoaded(out, r.Model, r.LoadSeconds, r.PeakRSS, r.GGML)
}

func writeLoaded(out io.Writer, model string, load float.Number, peak int64, ggml string) error {
	_, err := fmt.Fprintf(out, "\n%s: loaded in %.2f s, at most %s of memory in use; ggml %s\n", filepath.Base(model), load, units.Bytes(peak), ggml)
	return err
}
