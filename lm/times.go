package lm

import (
	"fmt"
	"io"
	"time"

	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// WriteText writes how long loading the model and generating the text took. The first token comes out of the prefill, the others are
// decoded. Errors of w are left to w.
func (t Times) WriteText(w io.Writer, loaded time.Duration) {
	fmt.Fprintf(w, "\nload     %8.2f s\n", loaded.Seconds())
	if t.Prefill > 0 || t.Reason != "" {
		writeSpeed(w, "prefill", t.Prompt, t.Prefill)
	}
	if t.Generated > 0 {
		writeSpeed(w, "decode", t.Generated, t.Decode)
	}
	if t.Reason != "" {
		fmt.Fprintf(w, "ended by %s\n", t.Reason)
	}
}

func writeSpeed(w io.Writer, what string, tokens int, took time.Duration) {
	fmt.Fprintf(w, "%-7s  %8.2f s  %5d tokens  %8s tokens/s\n", what, took.Seconds(), tokens, cells.Number("%.2f", float.Rate(float64(tokens), took)))
}
