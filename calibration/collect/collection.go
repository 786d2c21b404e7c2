package collect

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rounding"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// collection is a file that is being made.
type collection struct {
	o        Options
	model    *lm.Model
	windows  []eval.Window
	info     calibration.Info
	entries  []calibration.Entry
	readers  []reader
	table    []float32          // the moments for an embedding without inputs, until they are in the file
	draft    *calibration.Draft // nil while there is nothing to write
	progress Progress

	saved time.Time     // when the draft was changed, or the reading began
	cost  time.Duration // how long the last change took
}

// run reads the text as often as needed.
func (c *collection) run(ctx context.Context) (Result, error) {
	passes, err := c.passes()
	if err != nil {
		return Result{}, err
	}
	if err := c.fits(); err != nil {
		return Result{}, err
	}
	c.progress.Passes = len(passes)
	for _, p := range passes {
		c.progress.Memory = max(c.progress.Memory, p.memory)
		c.progress.Total += int64((len(c.windows) - p.chunk) * c.o.Context)
	}
	defer c.end()
	if len(passes) > 0 && c.hasTable() && (c.draft == nil || c.draft.Entries[0].Chunks == 0) {
		c.progress.Pass = 1
		c.tell()
		if c.table, err = embedding(ctx, c.model, c.readers); err != nil {
			return Result{}, err
		}
	}
	c.saved = clock.Of(ctx)()
	for i, p := range passes {
		c.progress.Pass = i + 1
		c.tell()
		if err := c.pass(ctx, p); err != nil {
			return c.result(), err
		}
	}
	return c.result(), nil
}

// hasTable reports whether the first entry is an embedding without inputs.
func (c *collection) hasTable() bool { return c.entries[0].Name == rwkv.TokenEmbd }

// fits returns a *DiskError if the disk has no room for a new file.
func (c *collection) fits() error {
	if c.draft != nil {
		return nil
	}
	need := int64(0)
	for _, e := range c.entries {
		need += 4 * rounding.Triangle(e.Inputs)
	}
	return fitsDisk(c.o.Output, need)
}

// fitsDisk returns a *DiskError if the disk has no room for a file of some bytes.
func fitsDisk(path string, need int64) error {
	if free, fits := fit.Room(path, need); !fits {
		return &DiskError{path, need, free}
	}
	return nil
}

// result describes the file, if there is one.
func (c *collection) result() Result {
	if c.draft == nil {
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
	debug.FreeOSMemory() // of the pass before, since the passes are as large as the memory allows
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
				if err := c.save(ctx, p, observer.Inputs(), chunk); err != nil {
					return err
				}
			}
			return err
		}
		if read := chunk + 1; read == len(c.windows) || c.due(ctx) {
			if err := c.save(ctx, p, observer.Inputs(), read); err != nil {
				return err
			}
		}
	}
	return nil
}

// How often a pass is saved: at most once a minute, and so that it takes at most about 5 % of the time.
const (
	leastReading   = time.Minute
	readingForCost = 20
)

// due reports whether a pass is to be saved before it ends.
func (c *collection) due(ctx context.Context) bool {
	return clock.Of(ctx).Since(c.saved) >= max(leastReading, readingForCost*c.cost)
}

// recall gives an observer what the file has of a pass. The sums are then those of a reading that was not stopped, to the last bit.
func (c *collection) recall(ctx context.Context, p pass, observer *engine.Observer) error {
	if p.chunk == 0 {
		return nil
	}
	for _, name := range c.names(p) {
		moments, err := c.draft.Moments(ctx, name)
		if err != nil {
			return err
		}
		observer.Add(&engine.Inputs{Weight: name, Moments: moments})
	}
	return nil
}

// save writes the moments of a pass, which were seen in some chunks, though ctx may have ended.
func (c *collection) save(ctx context.Context, p pass, seen []*engine.Inputs, chunks int) (err error) {
	begin := clock.Of(ctx)()
	moments := map[int][]float32{}
	if c.draft == nil {
		if c.draft, err = calibration.NewDraft(c.o.Output, c.o.Force, c.info, c.entries); err != nil {
			return err
		}
	}
	if c.table != nil {
		moments[0], c.table = c.table, nil
	}
	for i := p.first; i < p.end; i++ {
		at := slices.IndexFunc(seen, func(in *engine.Inputs) bool { return in.Weight == c.entries[i].Name })
		moments[i], c.entries[i].Chunks = seen[at].Moments, chunks
	}
	var all []int
	for _, e := range c.entries {
		all = append(all, e.Chunks)
	}
	if err := c.draft.Change(context.WithoutCancel(ctx), all, moments); err != nil {
		return err
	}
	c.saved = clock.Of(ctx)()
	c.cost = c.saved.Sub(begin)
	return nil
}
