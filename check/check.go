// Package check finds all that is wrong with a model file: the rules of its container, what keeps it from being converted or run,
// checksums that do not match, and weights that are not finite. Every byte of the file is read.
//
// Limits: only ggml can decode quantized weights. Without ggml they are not checked: Findings has a note, and the other rules are
// still checked.
package check

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Dequantizer decodes the blocks of quantized types. A ggml.Library does.
type Dequantizer interface {
	// Dequantize decodes src, whole blocks of the type, into as many numbers as dst has. Without any it tells whether it knows the type.
	Dequantize(t gguf.Type, dst []float32, src []byte) error
}

// Options of a check. The zero value looks for ggml in the usual places.
type Options struct {
	// Dequantizer opens what decodes quantized weights. It is called once, and only if the file has such weights. The error becomes
	// a note. Nil opens ggml in the usual places.
	Dequantizer func() (Dequantizer, error)
}

// Findings are what a check has to say.
type Findings struct {
	Problems []string `json:"problems"` // what is wrong, in the order of the file
	Notes    []string `json:"notes"`    // what could not be checked, or is odd but allowed; sorted
}

// File checks a GGUF file, a checkpoint or an importance matrix. The error is what kept it from looking: what is wrong with the
// file is in the findings, unless it is a checkpoint that cannot be opened.
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

	mu    sync.Mutex // of the notes, which many goroutines make
	found Findings
}

func (c *checker) wrong(format string, args ...any) {
	c.found.Problems = append(c.found.Problems, excerpt.Lines(fmt.Sprintf(format, args...)))
}

// wrongs notes all of a list of errors.
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

// each calls check for every tensor, or other part of a file, on all processors. What is wrong with them is noted in their order.
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
