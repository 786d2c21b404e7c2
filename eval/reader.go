package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// blockRows is the maximum number of positions whose logits are in memory at once.
const blockRows = 128

// block holds the logits of successive scored positions of a window.
type block struct {
	position int               // of the first one in the window
	targets  []tokenizer.Token // the token that follows each position
	logits   []float32         // [vocabulary, positions], valid during the call only
}

// row returns the logits of one position of the block.
func (b block) row(i int) []float32 {
	n := len(b.logits) / len(b.targets)
	return b.logits[i*n : (i+1)*n]
}

// reader reads windows with a model. It belongs to one goroutine at a time.
type reader struct {
	batch *engine.Slots
}

// newReader returns a reader. The caller must close it before the model.
func newReader(m *engine.Model) (*reader, error) {
	b, err := m.NewSlots(1, engine.SessionOptions{})
	if err != nil {
		return nil, err
	}
	return &reader{b}, nil
}

// read reads a window from an empty state. It passes the logits of the scored positions to each, in order. window is the window's
// index, for errors.
func (r *reader) read(ctx context.Context, window int, w Window, each func(block) error) error {
	if err := r.batch.Reset(); err != nil {
		return err
	}
	for at := 0; at < w.First; {
		n := min(w.First-at, engine.MaxChunk)
		if _, err := r.batch.Read(ctx, [][]tokenizer.Token{w.Tokens[at : at+n]}, rwkv.NoLogits); err != nil {
			return err
		}
		at += n
	}
	for at := w.First; at < len(w.Tokens)-1; {
		n := min(len(w.Tokens)-1-at, blockRows)
		rows, err := r.batch.Read(ctx, [][]tokenizer.Token{w.Tokens[at : at+n]}, rwkv.AllLogits)
		var broken *engine.NotFiniteError
		if errors.As(err, &broken) {
			return atPosition(window, at+broken.Row, err)
		}
		if err != nil {
			return err
		}
		if err := each(block{position: at, targets: w.Tokens[at+1 : at+n+1], logits: rows}); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// Close frees the reader. It is safe to call twice.
func (r *reader) close() { r.batch.Close() }

// parallel calls f for 0 to n-1 on all processors and returns one of the errors.
func parallel(n int, f func(i int) error) error {
	var group errgroup.Group
	workers := min(n, runtime.GOMAXPROCS(0))
	for worker := range workers {
		group.Go(func() error {
			for i := worker; i < n; i += workers {
				if err := f(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// atPosition adds the window and the position to an error.
func atPosition(window, position int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("window %d, position %d: %w", window+1, position, err)
}
