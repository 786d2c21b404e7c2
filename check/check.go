// Package check finds all that is wrong with a model file: the rules of its container, what keeps it from being converted or run,
// checksums that do not match, and weights that are not finite. Every byte of the file is read.
//
// Limits: only ggml can decode quantized weights. Without ggml they are not checked: Findings has a note, and the other rules are
// still checked.
package check

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Dequantizer decodes the blocks of quantized types. ggml.Library implements it.
type Dequantizer interface {
	// Dequantize decodes src, whole blocks of type t, into dst. If both are empty, it only reports whether it knows the type.
	Dequantize(t gguf.Type, dst []float32, src []byte) error
}

// Options are the options of a check. The zero value looks for ggml in the usual places.
type Options struct {
	// Dequantizer opens the decoder of quantized weights. It is called once, and only if the file has such weights. Its error
	// becomes a note. Nil opens ggml in the usual places.
	Dequantizer func() (Dequantizer, error)
}

// Findings are the results of a check.
type Findings struct {
	Problems []string `json:"problems"` // what is wrong, in the order of the file
	Notes    []string `json:"notes"`    // what could not be checked, or is odd but allowed; sorted
}

// File checks a GGUF file, a checkpoint or an importance matrix. The findings hold the faults of the file. The error is the
// reason why File could not check it, such as a checkpoint that cannot be opened.
func File(ctx context.Context, path string, o Options) (Findings, error) {
	if o.Dequantizer == nil {
		o.Dequantizer = func() (Dequantizer, error) { return ggml.Open(ggml.Options{Device: "cpu"}) }
	}
	c := &checker{found: Findings{Problems: []string{}, Notes: []string{}}, library: sync.OnceValues(o.Dequantizer)}
	look := c.checkpoint
	if gguf.Is(path) {
		look = c.gguf
	}
	err := look(ctx, path)
	slices.Sort(c.found.Notes)
	return c.found, err
}

// checker collects findings.
type checker struct {
	library func() (Dequantizer, error)

	mu    sync.Mutex // guards the notes, which many goroutines add
	found Findings
}

func (c *checker) wrong(format string, args ...any) {
	c.found.Problems = append(c.found.Problems, excerpt.Lines(fmt.Sprintf(format, args...)))
}

// wrongs adds a list of errors to the problems.
func (c *checker) wrongs(list []error) {
	for _, err := range list {
		c.wrong("%v", err)
	}
}

func (c *checker) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := excerpt.Lines(fmt.Sprintf(format, args...)); !slices.Contains(c.found.Notes, text) {
		c.found.Notes = append(c.found.Notes, text)
	}
}

// each calls check for every part of a file, on all processors. It adds the faults to the problems in the order of the parts.
func each[T any](ctx context.Context, c *checker, parts []T, check func(context.Context, T) (wrong error, err error)) error {
	wrong := make([]error, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range parts {
		g.Go(func() (err error) {
			wrong[i], err = check(ctx, p)
			return err
		})
	}
	err := g.Wait()
	c.wrongs(slices.DeleteFunc(wrong, func(err error) bool { return err == nil }))
	return err
}

// WriteText writes the findings about the file at path for people.
func (f Findings) WriteText(w io.Writer, path string) error {
	for _, p := range f.Problems {
		fmt.Fprintf(w, "wrong: %s\n", p)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if len(f.Problems) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: nothing is wrong\n", path)
	return err
}
