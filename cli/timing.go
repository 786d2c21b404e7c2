package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/lm"
)

// printTimes writes what --verbose tells of a text. The first token comes out of the prefill, the others are decoded.
func printTimes(w io.Writer, loaded time.Duration, t lm.Times) {
	fmt.Fprintf(w, "\nload     %8.2f s\n", loaded.Seconds())
	if t.Prefill > 0 || t.Reason != "" {
		printSpeed(w, "prefill", t.Prompt, t.Prefill)
	}
	if t.Generated > 0 {
		printSpeed(w, "decode", t.Generated, t.Decode)
	}
	if t.Reason != "" {
		fmt.Fprintf(w, "ended by %s\n", t.Reason)
	}
}

func printSpeed(w io.Writer, what string, tokens int, took time.Duration) {
	fmt.Fprintf(w, "%-7s  %8.2f s  %5d tokens  %8s tokens/s\n", what, took.Seconds(), tokens, cells.Number("%.2f", bench.Rate(float64(tokens), took)))
}
