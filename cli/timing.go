package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// timing is what --verbose tells of a text.
type timing struct {
	now                     clock
	loaded, prefill, decode time.Duration
	prompt, generated       int
	prefilled               bool // the first token came
	reason                  generate.Reason
}

// follow generates, hands out the pieces and takes the times. While the prompt is read a line on errs tells how far it is.
func (t *timing) follow(ctx context.Context, errs io.Writer, s generate.Session, prompt []tokenizer.Token, o generate.Options, each func(generate.Piece) error) error {
	begin := t.now()
	line := newReading(errs, t.now, "reading", len(prompt))
	defer line.end()
	ctx = line.follow(ctx)
	var first time.Time
	defer func() {
		if t.prefilled {
			t.prefill, t.decode = first.Sub(begin), t.now.since(first)
		}
	}()
	for piece, err := range generate.Text(ctx, s, prompt, o) {
		if !t.prefilled {
			line.end()
			first, t.prefilled = t.now(), true
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
	if t.prefilled {
		printSpeed(w, "prefill", t.prompt, t.prefill)
	}
	if t.generated > 0 {
		printSpeed(w, "decode", t.generated, t.decode)
	}
	if t.reason != "" {
		fmt.Fprintf(w, "ended by %s\n", t.reason)
	}
}

func printSpeed(w io.Writer, what string, tokens int, took time.Duration) {
	fmt.Fprintf(w, "%-7s  %8.2f s  %5d tokens  %8s tokens/s\n", what, took.Seconds(), tokens, numberText("%.2f", rate(float64(tokens), took)))
}
