package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
)

// column is a text in chunks of one length. logits is the file of the base's logits for it.
type column struct {
	Column
	windows []eval.Window
	logits  string
}

// measureBase measures the base and computes the logits that the candidates are compared with.
func (r *run) measureBase(ctx context.Context) error {
	if err := r.readBase(ctx); err != nil {
		return err
	}
	return r.speed(ctx, &r.result.Base, r.Base.Path) // the model is closed, so its memory does not count here
}

// readBase computes the base's logits for each column and asks the base the tasks.
func (r *run) readBase(ctx context.Context) error {
	m, err := lm.Open(ctx, r.Base.Path, r.Setup.Options)
	if err != nil {
		return err
	}
	err = r.cut(m)
	for _, col := range r.columns {
		if err == nil {
			err = r.baseLogits(ctx, m, col)
		}
	}
	if err == nil {
		r.result.Base.Tasks, err = r.tasks(ctx, m, r.result.Base.Name, "base")
	}
	return errors.Join(err, m.Close())
}

// cut makes the columns: each text in chunks of each length.
func (r *run) cut(m *lm.Model) error {
	for i, text := range r.Texts {
		tokens, err := encode(m, text, r.data[i])
		if err != nil {
			return err
		}
		for _, n := range r.Contexts {
			windows, err := tokens.Chunks(n, r.Chunks, eval.BOS(m.File(), m.Vocab()))
			if err != nil {
				return text.fault(err)
			}
			col := column{windows: windows, logits: r.logitsPath(len(r.columns))}
			col.Column = Column{Text: filepath.Base(text.Path), Context: n, Chunks: len(windows), Scored: len(windows) * windows[0].Scored()}
			if col.logits == "" {
				col.logits = r.note("base-%d.logits", len(r.columns))
			}
			r.columns = append(r.columns, col)
			r.result.Columns = append(r.result.Columns, col.Column)
		}
	}
	return nil
}

// baseLogits computes the base's logits for a column, unless a file holds them.
func (r *run) baseLogits(ctx context.Context, m *lm.Model, col column) error {
	by := eval.Origin{ID: m.Identity(), Name: r.Base.label()}
	old, err := eval.OpenBase(col.logits, col.windows, m.Vocab())
	if err == nil {
		err = errors.Join(r.sameBase(ctx, m, old, col, by), old.Close())
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return &BaseLogitsError{err}
	}
	part := col.logits + partSuffix
	if size := eval.BaseSize(col.windows, m.Vocab()); size > 1<<30 {
		r.remark("the base's logits take %s: %s", units.Bytes(size), col.logits)
	}
	b, err := eval.CreateBase(part, col.windows, m.Vocab(), by, r.Resume)
	if err != nil {
		return &BaseLogitsError{err}
	}
	defer b.Close()
	if err := r.writeBase(ctx, m, b, part, col); err != nil {
		return err
	}
	return os.Rename(part, col.logits)
}

// writeBase completes the unfinished file of a column.
func (r *run) writeBase(ctx context.Context, m *lm.Model, b *eval.Base, part string, col column) error {
	if err := fitsDisk(part, b.Left()); err != nil {
		return err
	}
	line := r.step(r.result.Base.Name, col, b.Done())
	defer line.end()
	if err := b.Write(line.follow(ctx), m.Model, col.windows); err != nil {
		return fmt.Errorf("%v: %w", r.Base, err)
	}
	return b.Close()
}

// step begins a step in which a model reads the windows of a column, from index from on.
func (r *run) step(name string, col column, from int) *step {
	return r.reading(fmt.Sprintf("%s on %s in chunks of %d", name, col.Text, col.Context), toRead(col.windows[from:]))
}

// fitsDisk returns a DiskError if the disk has no room for a file to grow by more bytes.
func fitsDisk(path string, more int64) error {
	if free, fits := fit.Room(path, more); !fits {
		return &DiskError{path: path, more: more, free: free}
	}
	return nil
}

// sameBase returns an error if the logits in a file come from another model. Files of other programs do not name their model.
// Their logits of the first window are compared with the model's: devices and programs differ by far less than models do.
func (r *run) sameBase(ctx context.Context, m *lm.Model, old *eval.Base, col column, by eval.Origin) error {
	if of, ok := old.Origin(); ok {
		if of.ID != by.ID {
			return fmt.Errorf("%s: base logits of another model: made with %s; the weights or settings of %v differ", col.logits, term.Visible(of.Name), r.Base)
		}
		return nil
	}
	const most = 0.01
	return old.Compare(ctx, m.Model, col.windows[:1], 0, func(p []eval.Position) error {
		if kld := eval.Summarize(p).KLD.Value; kld > most {
			return fmt.Errorf("%s: base logits of another model than %v: their KL divergence is %.3g", col.logits, r.Base, kld)
		}
		return nil
	})
}
