package bench

import (
	"fmt"
	"io"

	"github.com/gosling-rwkv/gosling/internal/cells"
)

// WriteParallel writes a line about the model, then a table with the columns of llama-batched-bench. The error is that of writing to out.
func WriteParallel(out io.Writer, results []ParallelResult) error {
	for i, r := range results {
		if i == 0 {
			_, err := fmt.Fprintf(out, "%s, %s, %d threads, %s kernels\n\n"+
				"|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |\n"+
				"|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|\n",
				r.ModelType, r.Backends, r.Threads, r.Kernels)
			if err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, "|%6d | %6d | %4d | %6d | %8.3f | %8s | %8.3f | %8s | %8.3f | %8s |\n", r.Prompt, r.Gen, r.Sequences, r.Tokens,
			r.PromptTime, cells.Number("%.2f", r.PromptSpeed), r.GenTime, cells.Number("%.2f", r.GenSpeed), r.Time, cells.Number("%.2f", r.Speed))
		if err != nil {
			return err
		}
	}
	return nil
}
