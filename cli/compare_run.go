package cli

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
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
func (r *comparison) cut(m *lm.Model) error {
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
			col.logits = r.logitsPath(len(r.columns))
			r.columns = append(r.columns, col)
			r.result.Columns = append(r.result.Columns, col.Column)
		}
	}
	return nil
}

// logitsPath is where the base's logits of a column are kept: the named file, or one for each column beside it.
func (r *comparison) logitsPath(column int) string {
	path := r.c.Path("base-logits")
	switch {
	case path == "":
		return filepath.Join(r.work, fmt.Sprintf("base-%d.logits", column))
	case len(r.texts)*len(r.contexts) == 1:
		return path
	}
	text, context := r.texts[column/len(r.contexts)], r.contexts[column%len(r.contexts)]
	return fmt.Sprintf("%s.%d-%s.%d", path, column+1, filepath.Base(text), context)
}

// keptOutputs are the candidates that --keep keeps.
func (r *comparison) keptOutputs() []output {
	var files []output
	for _, cand := range r.candidates {
		if cand.path == "" && r.c.Bool("keep") {
			files = append(files, output{path: quantizedName(r.base, cand.how.Mix.Name), begun: r.c.Bool("resume")})
		}
	}
	return files
}

// partSuffix ends the name of a file of base logits while it is written.
const partSuffix = ".part"

// logitsOutputs are the files that --base-logits asks for.
func (r *comparison) logitsOutputs() []output {
	var files []output
	if r.c.Path("base-logits") != "" {
		for column := range len(r.texts) * len(r.contexts) {
			path := r.logitsPath(column)
			files = append(files, output{path: path, begun: true}, output{path: path + partSuffix, begun: true})
		}
	}
	return files
}

// baseLogits computes what the base says in a column, unless a file holds it.
func (r *comparison) baseLogits(m *lm.Model, col column) error {
	by := eval.Origin{ID: m.Identity(), Name: filepath.Base(r.base)}
	old, err := eval.OpenBase(col.logits, col.windows, m.Vocab())
	if err == nil {
		err = errors.Join(r.sameBase(m, old, col, by), old.Close())
		if err == nil || r.c.Err() != nil {
			return err
		}
	}
	const advice = "name another file with --base-logits, or remove this one"
	if !errors.Is(err, os.ErrNotExist) {
		return &hinted{err, advice}
	}
	part := col.logits + partSuffix
	size := eval.BaseSize(col.windows, m.Vocab())
	if size > 1<<30 {
		fmt.Fprintf(r.c.App.ErrWriter, "gosling: the base's logits take %s: %s\n", bytesText(size), col.logits)
	}
	b, err := eval.CreateBase(part, col.windows, m.Vocab(), by, r.c.Bool("resume"))
	if err != nil {
		return &hinted{err, advice}
	}
	defer b.Close()
	if err := r.writeBase(m, b, part, col); err != nil {
		return err
	}
	return os.Rename(part, col.logits)
}

// writeBase fills the file of a column that is not whole yet.
func (r *comparison) writeBase(m *lm.Model, b *eval.Base, part string, col column) error {
	if err := fitsDisk(part, b.Left()); err != nil {
		return err
	}
	line := r.progress(r.result.Base.Name, col, b.Done())
	defer line.end()
	if err := b.Write(line.follow(r.c.Context), m.Model, col.windows); err != nil {
		return fmt.Errorf("%s: %w", r.base, err)
	}
	return b.Close()
}

// fitsDisk refuses a file that grows by so many bytes where there is no room for them.
func fitsDisk(path string, more int64) error {
	usage, err := disk.Usage(filepath.Dir(path))
	if err != nil {
		return nil // not every file system tells
	}
	if uint64(more) <= usage.Free {
		return nil
	}
	err = fmt.Errorf("%s would take %s more, and %s are free there", path, bytesText(more), bytesText(int64(usage.Free)))
	return &hinted{err, "fewer --chunks need less, and --work DIR or --base-logits FILE names another place"}
}

// sameBase refuses logits that another model gave. Files of other programs do not tell: they are held to what the model says of
// the first window, where devices and programs differ by far less.
func (r *comparison) sameBase(m *lm.Model, old *eval.Base, col column, by eval.Origin) error {
	if of, ok := old.Origin(); ok {
		if of.ID != by.ID {
			return fmt.Errorf("%s: base logits of another model: made with %s, this is %s, with other weights or settings", col.logits, term.Visible(of.Name), r.base)
		}
		return nil
	}
	const most = 0.01
	return old.Compare(r.c.Context, m.Model, col.windows[:1], 0, func(p []eval.Position) error {
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
	id, err := r.candidateID(cand)
	if err != nil {
		return eval.Candidate{}, err
	}
	notes := filepath.Join(r.work, id+".json")
	if data, err := notesLimit.File(notes); err == nil {
		if done, ok := parseCandidate(data, cand.name, r.result.Columns); ok {
			return done, nil
		}
	}
	path, remove, err := r.make(cand, id)
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

// make writes the candidate's file if there is none, and returns what removes it again. One that is kept is used again after
// --resume if it is still the one that this comparison made.
func (r *comparison) make(cand candidate, id string) (path string, remove func(), err error) {
	if cand.path != "" {
		return cand.path, func() {}, nil
	}
	path, remove = filepath.Join(r.work, cand.name+".gguf"), func() { _ = os.Remove(path) }
	o := writeOptions(r.c)
	o.Importance = r.importance
	if r.c.Bool("keep") {
		path, remove = quantizedName(r.base, cand.how.Mix.Name), func() {}
		if r.madeBefore(path, id) {
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
	if err == nil && r.c.Bool("keep") {
		var is string
		if is, err = fileID(path); err == nil {
			err = r.remember(r.madeNote(id), is)
		}
	}
	return path, remove, err
}

// madeNote is where the identity of a kept candidate is noted.
func (r *comparison) madeNote(id string) string { return filepath.Join(r.work, id+".made") }

// madeBefore reports whether the file at path is the candidate that this comparison made before it was stopped.
func (r *comparison) madeBefore(path, id string) bool {
	data, err := notesLimit.File(r.madeNote(id))
	var noted string
	if err != nil || json.Unmarshal(data, &noted) != nil {
		return false
	}
	is, err := fileID(path)
	return err == nil && is == noted
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
func (r *comparison) positions(m *lm.Model, name string, col column, notes string) ([]eval.Position, error) {
	if err := infile.Regular(notes); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
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
	err = base.Compare(line.follow(r.c.Context), m.Model, col.windows, len(all)/each, func(p []eval.Position) error {
		all = append(all, p...)
		return binary.Write(f, binary.LittleEndian, p)
	})
	return all, err
}
