package collect

import (
	"context"
	"slices"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/lm"
)

// collection is a file that is being made.
type collection struct {
	o        Options
	model    *lm.Model
	windows  []eval.Window
	info     calibration.Info
	entries  []calibration.Entry // as they are in the file, 0 chunks where they are not
	readers  []reader
	table    bool      // the first entry is an embedding without inputs
	moments  []float32 // of that embedding, for the first file
	begun    bool      // the output is ours
	progress Progress
}

// run reads the text as often as needed.
func (c *collection) run(ctx context.Context) (Result, error) {
	passes, err := c.passes()
	if err != nil {
		return Result{}, err
	}
	c.progress.Passes = len(passes)
	for _, p := range passes {
		c.progress.Memory = max(c.progress.Memory, p.memory)
		c.progress.Total += int64((len(c.windows) - p.chunk) * c.o.Context)
	}
	if len(passes) > 0 && c.table && !c.begun {
		c.progress.Pass = 1
		c.tell()
		if c.moments, err = embedding(ctx, c.model, c.readers); err != nil {
			c.end()
			return Result{}, err
		}
	}
	for i, p := range passes {
		c.progress.Pass = i + 1
		c.tell()
		if err := c.pass(ctx, p); err != nil {
			c.end()
			return c.result(), err
		}
	}
	c.end()
	return c.result(), nil
}

// result describes the file, if there is one.
func (c *collection) result() Result {
	if !c.begun {
		return Result{}
	}
	return resultOf(c.info, c.entries)
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

// pass reads the text once. It writes what was read when ctx ends.
func (c *collection) pass(ctx context.Context, p pass) error {
	names := c.names(p)
	observer, err := c.model.NewMomentsObserver(func(weight string) bool { return slices.Contains(names, weight) })
	if err != nil {
		return err
	}
	defer observer.Close()
	if err := c.recall(ctx, p, observer); err != nil {
		return err
	}
	reading := engine.WithProgress(ctx, func(tokens int) {
		c.progress.Done += int64(tokens)
		c.tell()
	})
	for chunk := p.chunk; chunk < len(c.windows); chunk++ {
		if err := observer.Read(reading, c.windows[chunk].Tokens); err != nil {
			if ctx.Err() != nil && chunk > p.chunk {
				if err := c.save(context.WithoutCancel(ctx), p, observer.Inputs(), chunk); err != nil {
					return err
				}
			}
			return err
		}
		if read := chunk + 1; read == len(c.windows) || (read-p.chunk)%savedEvery == 0 {
			if err := c.save(context.WithoutCancel(ctx), p, observer.Inputs(), read); err != nil {
				return err
			}
		}
	}
	return nil
}

// recall gives an observer what the file has of a pass. The sums are then those of a reading that was not stopped, to the last bit.
func (c *collection) recall(ctx context.Context, p pass, observer *engine.Observer) error {
	if p.chunk == 0 {
		return nil
	}
	old, err := calibration.Open(c.o.Output)
	if err != nil {
		return err
	}
	defer old.Close()
	for _, name := range c.names(p) {
		moments, err := old.Moments(ctx, name)
		if err != nil {
			return err
		}
		observer.Add(&engine.Inputs{Weight: name, Moments: moments})
	}
	return nil
}

// save writes the file with the moments of a pass, which were seen in some chunks.
func (c *collection) save(ctx context.Context, p pass, seen []*engine.Inputs, chunks int) error {
	entries := slices.Clone(c.entries)
	for i := p.first; i < p.end; i++ {
		entries[i].Chunks = chunks
	}
	var old *calibration.File
	if c.begun {
		var err error
		if old, err = calibration.Open(c.o.Output); err != nil {
			return err
		}
		defer func() { old.Close() }()
	}
	written := slices.DeleteFunc(slices.Clone(entries), func(e calibration.Entry) bool { return e.Chunks == 0 })
	w, err := calibration.Create(c.o.Output, c.o.Force || c.begun, c.info, written)
	if err != nil {
		return err
	}
	defer w.Close()
	for i, e := range written {
		x, err := c.momentsOf(ctx, old, e.Name, seen)
		if err == nil {
			err = w.Put(ctx, i, x)
		}
		if err != nil {
			return err
		}
	}
	if old != nil {
		old.Close() // since it is replaced
	}
	if err := w.Commit(); err != nil {
		return err
	}
	c.entries, c.begun = entries, true
	return nil
}

// momentsOf returns the moments of a tensor: those seen, or else those in the earlier file, or else the embedding's.
func (c *collection) momentsOf(ctx context.Context, old *calibration.File, name string, seen []*engine.Inputs) ([]float32, error) {
	for _, in := range seen {
		if in.Weight == name {
			return in.Moments, nil
		}
	}
	if old == nil {
		return c.moments, nil
	}
	return old.Moments(ctx, name)
}
