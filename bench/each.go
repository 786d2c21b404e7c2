package bench

import (
	"context"
	"encoding/json"
	"io"
	"runtime/debug"

	"github.com/gosling-rwkv/gosling/internal/rss"
)

// Model is a model to measure.
type Model struct {
	Path string
	Name string // in the results; empty is Path
}

// Each measures every model with every number of threads, one after another, and passes the results of each to then. Without numbers of
// threads it measures with that of the options. The peak of memory is that of one model where the system can tell that, and otherwise 0
// for all but the first.
func Each(ctx context.Context, models []Model, threads []int, o Options, then func([]Result) error) error {
	return each(ctx, models, threads, o, Run, func(r *Result) { r.PeakRSS = 0 }, then)
}

// EachParallel is Each for RunParallel.
func EachParallel(ctx context.Context, models []Model, threads []int, o Options, then func([]ParallelResult) error) error {
	return each(ctx, models, threads, o, RunParallel, func(r *ParallelResult) { r.PeakRSS = 0 }, then)
}

func each[R any](ctx context.Context, models []Model, threads []int, o Options, run func(context.Context, Options) ([]R, error), withoutPeak func(*R), then func([]R) error) error {
	first := true
	if len(threads) == 0 {
		threads = []int{o.Threads}
	}
	for _, m := range models {
		for _, n := range threads {
			o.Model, o.Name, o.Threads = m.Path, m.Name, n
			known := first
			if first = false; !known {
				debug.FreeOSMemory()
				known = rss.Reset()
			}
			results, err := run(ctx, o)
			for i := range results {
				if !known {
					withoutPeak(&results[i])
				}
			}
			if err == nil {
				err = then(results)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteLines writes each result as JSON on a line of its own.
func WriteLines[R Result | ParallelResult](out io.Writer, results []R) error {
	e := json.NewEncoder(out)
	for _, r := range results {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
