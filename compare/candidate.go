package compare

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
)

// candidate measures one candidate, or returns the measurements of an earlier run.
func (r *run) candidate(ctx context.Context, cand Candidate) (Measured, error) {
	id, err := cand.id()
	if err != nil {
		return Measured{}, err
	}
	name, noted := cand.label(), r.note("%s.json", id)
	if data, err := Notes.File(noted); err == nil {
		if done, ok := parseMeasured(data, name, r.result.Columns); ok {
			return done, nil
		}
	}
	path, remove, err := r.make(ctx, cand, id)
	if err != nil {
		return Measured{}, err
	}
	defer remove()
	done, err := r.measure(ctx, name, id, path)
	if err != nil {
		return done, fmt.Errorf("%s: %w", name, err)
	}
	return done, remember(noted, done)
}

// make writes the candidate's file if it has none, and returns a function that removes a temporary file. A run that resumes uses
// a kept file again if this comparison made it.
func (r *run) make(ctx context.Context, cand Candidate, id string) (path string, remove func(), err error) {
	if cand.Path != "" {
		return cand.Path, func() {}, nil
	}
	if cand.Keep == "" {
		path = r.note("%s.gguf", cand.Name)
		return path, func() { _ = os.Remove(path) }, r.quantize(ctx, cand, path, true)
	}
	path, remove = cand.Keep, func() {}
	if r.madeBefore(path, id) {
		return path, remove, nil
	}
	if err := r.quantize(ctx, cand, path, r.Force); err != nil {
		return path, remove, err
	}
	is, err := fileID(path)
	if err == nil {
		err = remember(r.madeNote(id), is)
	}
	return path, remove, err
}

// quantize makes a candidate from the base.
func (r *run) quantize(ctx context.Context, cand Candidate, path string, force bool) error {
	line := r.writing("making " + cand.Name)
	o := quant.Options{
		Force: force, Threads: r.Threads, Importance: r.Importance, Progress: line.set,
		Quantizer: func() (quant.Quantizer, error) { return r.OpenLibrary() },
	}
	if cand.Calibrated {
		o.Importance, o.Calibration = nil, r.Calibration
	}
	report, err := quant.Quantize(ctx, r.Base.Path, path, cand.How, o)
	line.end()
	for _, note := range report.Notes() {
		r.remark("%s: %s", cand.Name, note)
	}
	return err
}

// madeNote returns the path of the note with the identity of a kept candidate.
func (r *run) madeNote(id string) string { return r.note("%s.made", id) }

// madeBefore reports whether the file at path is the candidate that this comparison made before it was stopped.
func (r *run) madeBefore(path, id string) bool {
	data, err := Notes.File(r.madeNote(id))
	var noted string
	if err != nil || json.Unmarshal(data, &noted) != nil {
		return false
	}
	is, err := fileID(path)
	return err == nil && is == noted
}

// measure measures the candidate in the file at path.
func (r *run) measure(ctx context.Context, name, id, path string) (Measured, error) {
	done, err := r.header(ctx, name, path)
	if err != nil {
		return done, err
	}
	m, err := lm.Open(ctx, path, r.Setup.Options)
	if err != nil {
		return done, err
	}
	for i, col := range r.columns {
		positions, err := r.positions(ctx, m, name, col, r.note("%s-%d.positions", id, i))
		if err != nil {
			return done, errors.Join(err, m.Close())
		}
		done.Divergence = append(done.Divergence, eval.Summarize(positions))
	}
	done.Tasks, err = r.tasks(ctx, m, name, id)
	if err := errors.Join(err, m.Close()); err != nil {
		return done, err
	}
	return done, r.speed(ctx, &done.Facts, path)
}

// header returns what the file tells without running the model: the facts and the errors of the weights.
func (r *run) header(ctx context.Context, name, path string) (done Measured, err error) {
	file, err := lm.OpenFile(path)
	if err != nil {
		return done, err
	}
	defer file.Close()
	done.Facts = factsOf(file, name)
	if !r.kldOnly {
		done.Weights, err = r.weights(ctx, file)
	}
	return done, err
}

// weights compares the candidate's tensors with the base's.
func (r *run) weights(ctx context.Context, file *gguf.File) ([]eval.TensorError, error) {
	base, err := lm.OpenFile(r.Base.Path)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	lib, err := r.OpenLibrary()
	if err != nil {
		return nil, err
	}
	return eval.CompareWeights(ctx, lib, base, file)
}

// positions compares a candidate with the base in one column. It notes the positions of each chunk.
func (r *run) positions(ctx context.Context, m *lm.Model, name string, col column, noted string) ([]eval.Position, error) {
	if err := infile.Regular(noted); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(noted, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	each := col.windows[0].Scored()
	all, err := resumePositions(f, each, len(col.windows))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", noted, err)
	}
	base, err := eval.OpenBase(col.logits, col.windows, m.Vocab())
	if err != nil {
		return nil, err
	}
	defer base.Close()
	line := r.step(name, col, len(all)/each)
	defer line.end()
	err = base.Compare(line.follow(ctx), m.Model, col.windows, len(all)/each, func(p []eval.Position) error {
		all = append(all, p...)
		return binary.Write(f, binary.LittleEndian, p)
	})
	return all, err
}
