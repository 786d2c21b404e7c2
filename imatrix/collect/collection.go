package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/imatrix"
)

// savedEvery is the number of chunks after which an unfinished matrix is written.
const savedEvery = 50

// collection is an importance matrix that is being made.
type collection struct {
	o        Options
	before   *imatrix.Matrix // sums of earlier runs and of Options.In
	windows  []eval.Window   // chunks that are not read yet
	observer *engine.Observer
	progress Progress
}

// run reads the remaining chunks. It writes the output after every savedEvery chunks, when ctx ends, and at the end.
func (c *collection) run(ctx context.Context) (Result, error) {
	c.progress.Of = len(c.windows)
	for _, w := range c.windows {
		c.progress.Total += int64(len(w.Tokens))
	}
	c.tell()
	reading := engine.WithProgress(ctx, func(tokens int) {
		c.progress.Done += int64(tokens)
		c.tell()
	})
	for i, w := range c.windows {
		if err := c.observer.Read(reading, w.Tokens); err != nil {
			return c.stopped(ctx, i, err)
		}
		c.progress.Chunks = i + 1
		c.tell()
		if (i+1)%savedEvery == 0 {
			if _, err := c.save(i + 1); err != nil {
				return Result{}, err
			}
		}
	}
	c.end()
	return c.save(len(c.windows))
}

// stopped writes the matrix if ctx ended after some chunks.
func (c *collection) stopped(ctx context.Context, chunks int, err error) (Result, error) {
	c.end()
	if ctx.Err() == nil || chunks == 0 {
		return Result{}, err
	}
	r, saveErr := c.save(chunks)
	if saveErr != nil {
		return Result{}, saveErr
	}
	return r, err
}

func (c *collection) tell() {
	if c.o.Progress != nil {
		c.o.Progress(c.progress)
	}
}

func (c *collection) end() {
	c.progress.Ended = true
	c.tell()
}

// matrix returns the matrix after the given number of chunks.
func (c *collection) matrix(chunks int) (*imatrix.Matrix, error) {
	m := &imatrix.Matrix{Of: c.before.Of}
	if err := m.Merge(c.before); err != nil {
		return nil, err
	}
	m.Chunks += chunks
	for _, in := range c.observer.Inputs() {
		if err := m.Add(imatrix.Entry{Name: in.Weight, Squares: in.Squares, Tokens: in.Tokens}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// save writes the matrix. Run has checked that it may replace the output. If save cannot write the output after all, it writes
// the matrix to a temporary folder.
func (c *collection) save(chunks int) (Result, error) {
	m, err := c.matrix(chunks)
	if err != nil {
		return Result{}, err
	}
	r := resultOf(m)
	r.Read = chunks
	err = m.Write(c.o.Output, true)
	if err == nil {
		return r, nil
	}
	dir, keptErr := os.MkdirTemp("", "gosling-imatrix-") // a name that nobody could reserve
	kept := filepath.Join(dir, "imatrix.gguf")
	if keptErr == nil {
		keptErr = m.Write(kept, false)
	}
	if keptErr != nil {
		return Result{}, errors.Join(err, keptErr)
	}
	return Result{}, &UnwrittenError{err, kept}
}
