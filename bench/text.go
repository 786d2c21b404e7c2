package bench

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// WriteText writes WriteTable's table and, below it, what loading each model took and how fast the memory is.
func WriteText(out io.Writer, results []Result) error {
	if err := WriteTable(out, results); err != nil {
		return err
	}
	for i, r := range results {
		if last := i == len(results)-1; !last && r.Model == results[i+1].Model && r.Threads == results[i+1].Threads {
			continue
		}
		err := writeLoaded(out, r.Model, r.LoadSeconds, r.PeakRSS, r.GGML)
		if err == nil && r.Bandwidth > 0 {
			_, err = fmt.Fprintf(out, "memory bandwidth %.1f GiB/s on %s, a generated token reads %s\n", r.Bandwidth/(1<<30), units.Count(r.Threads, "thread"), units.Bytes(r.BytesPerToken))
		}
		if err != nil {
			return err
		}
	}
	return nil
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
	memory := ""
	if peak > 0 {
		memory = fmt.Sprintf(", at most %s of memory in use", units.Bytes(peak))
	}
	_, err := fmt.Fprintf(out, "\n%s: loaded in %.2f s%s; ggml %s\n", filepath.Base(model), load, memory, ggml)
	return err
}
