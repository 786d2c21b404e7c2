package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"gosling/generate"
	"gosling/tokenizer"
)

// timing is what --verbose tells of a text.
type timing struct {
	loaded, prefill, decode time.Duration
	prompt, generated       int
	reason                  generate.Reason
}

// follow generates, hands out the pieces and takes the times.
func (t *timing) follow(ctx context.Context, s generate.Session, prompt []tokenizer.Token, o generate.Options, each func(generate.Piece) error) error {
	begin := time.Now()
	first := time.Time{}
	defer func() {
		if !first.IsZero() {
			t.prefill, t.decode = first.Sub(begin), time.Since(first)
		}
	}()
	for piece, err := range generate.Text(ctx, s, prompt, o) {
		if first.IsZero() {
			first = time.Now()
		} else {
			t.generated++
		}
		if piece.Reason != "" {
			t.reason = piece.Reason
		}
		if err == nil || piece.Reason != "" {
			if printErr := each(piece); printErr != nil {
				return printErr
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// print writes the summary. The first token comes out of the prefill, the others are decoded.
func (t *timing) print(w io.Writer) {
	fmt.Fprintf(w, "\nload     %8.2f s\n", t.loaded.Seconds())
	if t.prefill > 0 {
		fmt.Fprintf(w, "prefill  %8.2f s  %5d tokens  %8.2f tokens/s\n", t.prefill.Seconds(), t.prompt, float64(t.prompt)/t.prefill.Seconds())
	}
	if t.generated > 0 {
		fmt.Fprintf(w, "decode   %8.2f s  %5d tokens  %8.2f tokens/s\n", t.decode.Seconds(), t.generated, float64(t.generated)/t.decode.Seconds())
	}
	if t.reason != "" {
		fmt.Fprintf(w, "ended by %s\n", t.reason)
	}
}
