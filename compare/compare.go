// Package compare measures how well models predict text. Perplexity and Tasks measure one model. Run measures several against a
// base. Sensitivity measures what it costs to round one part of a model at a time.
//
//	result, err := compare.Run(ctx, compare.Options{
//		Setup:      compare.Setup{Base: compare.Model{Path: "model-F16.gguf"}, Texts: []compare.Text{{Path: "wiki.test.raw"}}},
//		Candidates: []compare.Candidate{{Model: compare.Model{Path: "model-Q4_K_M.gguf"}}},
//	})
//	...
//	err = result.Remove() // the measurements on disk; call it once the result is safe
//
// The definitions are those of package eval. Run and Sensitivity keep their measurements on disk, in a folder that only the user can
// enter. So a run that was stopped can be resumed.
//
// Limits: the base's logits of all texts are on disk at once. They take two bytes for each token of the vocabulary at each scored
// position.
package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// Options say what Run compares.
type Options struct {
	Setup
	Candidates []Candidate // one or more
	Tasks      []Task      // tasks for every model; nil is none
	Limit      int         // number of questions of each task; 0 is all
	NoSpeed    bool        // do not measure speed and memory
	Bench      *Command    // measures speed and memory in a process of its own; nil measures only the speed, in this process
	Force      bool        // replace the files of kept candidates
}

// Result is what the candidates cost. The caller must end it with Remove or Keep.
type Result struct {
	Comparison
	notes
}

// Run compares candidates with a base. If the error wraps a StoppedError, another run can resume from the notes.
func Run(ctx context.Context, o Options) (Result, error) {
	r := &run{Options: o, command: "compare"}
	err := r.start(ctx, func() error {
		if len(o.Candidates) == 0 {
			return errors.New("compare: no candidates")
		}
		return r.checkModels()
	})
	if err != nil {
		return Result{}, err
	}
	if err := r.all(ctx); err != nil {
		return Result{}, r.work.keep(err)
	}
	return Result{r.result, notes{r.work}}, nil
}

// run is one comparison.
type run struct {
	Options
	teller
	command string // part of the name of the notes folder
	kldOnly bool   // measure only the divergence
	data    [][]byte
	work    *work
	columns []column
	result  Comparison
}

// start checks the options, reads the texts and creates the notes folder.
func (r *run) start(ctx context.Context, check func() error) error {
	r.each = r.Progress
	if err := r.settle(); err != nil {
		return err
	}
	r.result.Base.Name = r.Base.label()
	if err := check(); err != nil {
		return err
	}
	for _, text := range r.Texts {
		data, err := r.read(ctx, text)
		if err != nil {
			return err
		}
		r.data = append(r.data, data)
	}
	s, err := r.settings()
	if err != nil {
		return err
	}
	r.work, err = openWork(r.command, r.Setup, s, r.inputs(), r.teller)
	return err
}

// all measures the base and then each candidate.
func (r *run) all(ctx context.Context) error {
	if err := r.measureBase(ctx); err != nil {
		return err
	}
	for _, cand := range r.Candidates {
		measured, err := r.candidate(ctx, cand)
		if err != nil {
			return err
		}
		r.result.Candidates = append(r.result.Candidates, measured)
	}
	return nil
}

// note returns the path of a file in the notes folder.
func (r *run) note(format string, args ...any) string {
	return filepath.Join(r.work.path, fmt.Sprintf(format, args...))
}

// notes are the files that a run keeps on the disk. Copies of a result share them.
type notes struct{ work *work }

// Remove removes the notes. Call it when the result is safe. The result stays valid if Remove fails.
func (n notes) Remove() error {
	if n.work == nil {
		return nil
	}
	return n.work.remove()
}

// Keep keeps the notes for a run that resumes, because the result could not be used. It returns err, as a StoppedError if the
// notes hold measurements.
func (n notes) Keep(err error) error {
	if n.work == nil {
		return err
	}
	return n.work.keep(err)
}
