package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/shirou/gopsutil/v4/disk"

	"gosling/engine"
	"gosling/eval"
	"gosling/gguf"
	"gosling/quant"
)

// column is a text in chunks of some length, and where the base's logits for it lie.
type column struct {
	eval.Column
	windows []eval.Window
	logits  string
}

// run measures the base and then each candidate.
func (r *comparison) run() error {
	if err := r.measureBase(); err != nil {
		return err
	}
	for _, cand := range r.candidates {
		measured, err := r.candidate(cand)
		if err != nil {
			return err
		}
		r.result.Candidates = append(r.result.Candidates, measured)
	}
	return nil
}

// measureBase computes the logits that candidates are compared with.
func (r *comparison) measureBase() error {
	m, err := openModel(r.c, r.base)
	if err != nil {
		return err
	}
	defer func() {
		if m != nil {
			m.Close()
		}
	}()
	if err := r.cut(m); err != nil {
		return err
	}
	for _, col := range r.columns {
		if err := r.baseLogits(m, col); err != nil {
			return err
		}
	}
	if r.result.Base.Tasks, err = r.tasks(m, r.result.Base.Name, "base"); err != nil {
		return err
	}
	err = m.Close()
	m = nil // its memory is not to count for others
	if err == nil {
		err = r.speed(&r.result.Base, r.base)
	}
	return err
}

// cut makes the columns.
func (r *comparison) cut(m *engine.Model) error {
	for i, path := range r.texts {
		text, err := encodeText(m, path, r.data[i])
		if err != nil {
			return err
		}
		for _, n := range r.contexts {
			windows, err := text.Chunks(n, r.c.Int("chunks"), beginning(m))
			if err != nil {
				return named(path, err)
			}
			col := column{windows: windows, Column: eval.Column{Text: filepath.Base(path), Context: n, Chunks: len(windows), Scored: len(windows) * windows[0].Scored()}}
			col.logits = r.logitsPath(path, n, len(r.columns))
			r.columns = append(r.columns, col)
			r.result.Columns = append(r.result.Columns, col.Column)
		}
	}
	return nil
}

// logitsPath is where the base's logits of a column are kept: the named file, or one for each column beside it.
func (r *comparison) logitsPath(text string, context, index int) string {
	path := r.c.Path("base-logits")
	switch {
	case path == "":
		return filepath.Join(r.work, fmt.Sprintf("base-%d.logits", index))
	case len(r.texts)*len(r.contexts) == 1:
		return path
	}
	return fmt.Sprintf("%s.%d-%s.%d", path, index+1, filepath.Base(text), context)
}

func (r *comparison) baseLogits(m *engine.Model, col column) error {
	old, err := eval.OpenBase(col.logits, col.windows, m.Vocab())
	if err == nil {
		err = errors.Join(r.sameBase(m, old, col), old.Close())
		if err == nil || r.c.Err() != nil {
			return err
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return &hinted{err, "name another file with --base-logits, or remove this one"}
	}
	part := col.logits + ".part"
	size := eval.BaseSize(col.windows, m.Vocab())
	if size > 1<<30 {
		fmt.Fprintf(r.c.App.ErrWriter, "gosling: the base's logits take %s: %s\n", bytesText(size), col.logits)
	}
	if err := fitsDisk(part, size); err != nil {
		return err
	}
	b, err := eval.CreateBase(part, col.windows, m.Vocab(), r.c.Bool("resume"))
	if err != nil {
		return err
	}
	defer b.Close()
	line := r.progress(r.result.Base.Name, col, b.Done())
	defer line.end()
	if err := b.Write(line.follow(r.c.Context), m, col.windows); err != nil {
		return fmt.Errorf("%s: %w", r.base, err)
	}
	if err := b.Close(); err != nil {
		return err
	}
	return os.Rename(part, col.logits)
}

// fitsDisk refuses a file that grows to size where there is no room for it. What is there already counts as room.
func fitsDisk(path string, size int64) error {
	usage, err := disk.Usage(filepath.Dir(path))
	if err != nil {
		return nil // not every file system tells
	}
	if info, err := os.Stat(path); err == nil {
		size -= info.Size()
	}
	if uint64(max(size, 0)) <= usage.Free {
		return nil
	}
	err = fmt.Errorf("%s would take %s, and %s are free there", path, bytesText(size), bytesText(int64(usage.Free)))
	return &hinted{err, "fewer --chunks need less, and --work DIR or --base-logits FILE names another place"}
}

// sameBase refuses logits that another model gave, by those of the first window. Devices and programs differ by far less.
func (r *comparison) sameBase(m *engine.Model, old *eval.Base, col column) error {
	const most = 0.01
	return old.Compare(r.c.Context, m, col.windows[:1], 0, func(p []eval.Position) error {
		if kld := eval.Summarize(p).KLD.Value; kld > most {
			return fmt.Errorf("%s: base logits of another model than %s: their KL divergence is %.3g", col.logits, r.base, kld)
		}
		return nil
	})
}

// progress begins the line of a model that reads the windows of a column from the given one on.
func (r *comparison) progress(name string, col column, from int) *running {
	total := 0
	for _, w := range col.windows[from:] {
		total += len(w.Tokens) - 1
	}
	return newRunning(r.c.App.ErrWriter, clockOf(r.c), fmt.Sprintf("%s on %s in chunks of %d", name, col.Text, col.Context), tokensRead, int64(total))
}

// candidate measures one, or takes what an earlier run measured.
func (r *comparison) candidate(cand candidate) (eval.Candidate, error) {
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(cand.name+r.fingerprint(cand.path))))[:16]
	notes := filepath.Join(r.work, id+".json")
	if data, err := os.ReadFile(notes); err == nil {
		if done, ok := parseCandidate(data, cand.name, r.result.Columns); ok {
			return done, nil
		}
	}
	path, remove, err := r.make(cand)
	if err != nil {
		return eval.Candidate{}, err
	}
	defer remove()
	done, err := r.measure(cand, id, path)
	if err != nil {
		return done, fmt.Errorf("%s: %w", cand.name, err)
	}
	return done, r.remember(notes, done)
}

// make writes the candidate's file if there is none, and returns what removes it again.
func (r *comparison) make(cand candidate) (path string, remove func(), err error) {
	if cand.path != "" {
		return cand.path, func() {}, nil
	}
	path, remove = filepath.Join(r.work, cand.name+".gguf"), func() { _ = os.Remove(path) }
	o := writeOptions(r.c)
	o.Importance = r.importance
	if r.c.Bool("keep") {
		path, remove = quantizedName(r.base, cand.how.Mix.Name), func() {}
		if _, err := os.Stat(path); err == nil && r.c.Bool("resume") {
			return path, remove, nil
		}
	} else {
		o.Force = true
	}
	base, err := modelPath(r.base)
	if err != nil {
		return path, remove, err
	}
	show, end := progress(r.c, "making "+cand.name)
	o.Progress = show
	_, err = quant.Quantize(r.c.Context, base, path, cand.how, o)
	end()
	return path, remove, err
}

func (r *comparison) measure(cand candidate, id, path string) (eval.Candidate, error) {
	var done eval.Candidate
	file, err := openGGUF(path)
	if err != nil {
		return done, err
	}
	done.Facts = factsOf(file, cand.name)
	if !r.kldOnly {
		done.Weights, err = r.weights(file)
	}
	file.Close()
	if err != nil {
		return done, err
	}
	m, err := openModel(r.c, path)
	if err != nil {
		return done, err
	}
	for i, col := range r.columns {
		positions, err := r.positions(m, cand.name, col, filepath.Join(r.work, fmt.Sprintf("%s-%d.positions", id, i)))
		if err != nil {
			return done, errors.Join(err, m.Close())
		}
		done.Divergence = append(done.Divergence, eval.Summarize(positions))
	}
	done.Tasks, err = r.tasks(m, cand.name, id)
	if err := errors.Join(err, m.Close()); err != nil {
		return done, err
	}
	return done, r.speed(&done.Facts, path)
}

func (r *comparison) weights(file *gguf.File) ([]eval.TensorError, error) {
	base, err := openGGUF(r.base)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	lib, err := openGGML(r.c, r.c.String("device"))
	if err != nil {
		return nil, err
	}
	return eval.CompareWeights(r.c.Context, lib, base, file)
}

// positions compares in one column. What is done is kept in notes after each chunk.
func (r *comparison) positions(m *engine.Model, name string, col column, notes string) ([]eval.Position, error) {
	f, err := os.OpenFile(notes, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	each := col.windows[0].Scored()
	all, err := resumePositions(f, each, len(col.windows))
	if err != nil {
		return nil, named(notes, err)
	}
	base, err := eval.OpenBase(col.logits, col.windows, m.Vocab())
	if err != nil {
		return nil, err
	}
	defer base.Close()
	line := r.progress(name, col, len(all)/each)
	defer line.end()
	err = base.Compare(line.follow(r.c.Context), m, col.windows, len(all)/each, func(p []eval.Position) error {
		all = append(all, p...)
		return binary.Write(f, binary.LittleEndian, p)
	})
	return all, err
}
