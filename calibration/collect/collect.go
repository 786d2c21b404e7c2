// Package collect collects the second moments of what goes into each matrix of a model while it reads a text.
//
//	result, err := collect.Run(ctx, collect.Options{Model: "m-F16.gguf", Text: text, Output: "m-calibration.gguf"})
//
// The moments of all matrices of a large model do not fit into memory. So the text is read in several passes, each for as many matrices as
// the memory allows, in the order in which the model computes. The file records the model and the text, so another run can continue it. It is
// written after each pass, when ctx ends, and within a pass as often as that takes 5 % of the time. So a program that is killed loses what
// was read in a minute, or in 20 times the time that it takes to write the moments of a pass. If it is killed while it writes, it loses that
// pass.
//
// Limits: chunks are read one after the other, each from an empty state.
package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gosling-rwkv/gosling/calibration"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/imatrix/collect"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// The shortest and the default length of a chunk.
const (
	MinContext     = collect.MinContext
	DefaultContext = collect.DefaultContext
)

// DefaultMemory is how many bytes the moments of a pass take if nothing is given.
const DefaultMemory = 4 << 30

// Text is a text in UTF-8. Its name is recorded in the file.
type Text = collect.Text

// ShortError is the error of a text with too few tokens for two chunks.
type ShortError = collect.ShortError

// Options say what Run collects.
type Options struct {
	lm.Options // how the model is opened

	Model  string   // path of a GGUF model; empty only adds up In
	Name   string   // name in errors; empty is Model
	Text   Text     // text that the model reads
	In     []string // files to add up, without a model
	Output string   // path of the file to write

	Context int   // tokens of a chunk; 0 is 512
	Chunks  int   // maximum number of chunks to read; 0 is all
	Memory  int64 // bytes for the moments of a pass; 0 is DefaultMemory

	Resume bool // continue the output if it exists
	Force  bool // replace Output

	Progress func(Progress) // nil drops it
}

// Progress reports the progress of the reading.
type Progress struct {
	Done, Total  int64 // tokens of all passes
	Pass, Passes int   // from 1
	Memory       int64 // bytes that the largest pass takes beside the model
	Ended        bool  // the reading has ended
}

// Result describes the written file.
type Result struct {
	Matrices  int // whose moments it has, from all chunks or some
	Of        int // matrices of the model
	Chunks    int // read for each matrix, or for those that are finished
	ChunkSize int // in tokens
}

// MemoryError is the error of a matrix whose moments need more than Options.Memory.
type MemoryError struct {
	tensor       string
	Need, Memory int64
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the moments of %q need %s of memory, %s are allowed", e.tensor, units.Bytes(e.Need), units.Bytes(e.Memory))
}

// DiskError is the error of a file that the disk has no room for.
type DiskError struct {
	path       string
	need, free int64 // bytes
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("%s would take %s, but only %s is free there", e.path, units.Bytes(e.need), units.Bytes(e.free))
}

// ResumeError is the error of a file that cannot be continued.
type ResumeError struct{ path, reason string }

func (e *ResumeError) Error() string { return e.path + ": " + e.reason }

// Run collects the moments and writes the file. When ctx ends, Run writes the chunks read so far and returns their result with the error of
// ctx. Callers may also test for fs.ErrExist of the output, and for the errors of this package, of calibration and of lm.Open.
func Run(ctx context.Context, o Options) (Result, error) {
	o.Name, o.Context, o.Memory = cmp.Or(o.Name, o.Model), cmp.Or(o.Context, DefaultContext), cmp.Or(o.Memory, DefaultMemory)
	f, err := atomicfile.Create(o.Output, atomicfile.Options{Force: o.Force || o.Resume}) // before there is much to lose
	if err != nil {
		return Result{}, err
	}
	if err := f.Close(); err != nil {
		return Result{}, err
	}
	if o.Model == "" {
		return o.add(ctx)
	}
	m, err := lm.Open(ctx, o.Model, o.Options)
	if err != nil {
		return Result{}, err
	}
	defer m.Close()
	return o.read(ctx, m)
}

// add writes the sum of files.
func (o Options) add(ctx context.Context) (Result, error) {
	if len(o.In) > 0 { // the sum is as large as each
		if is, err := os.Stat(o.In[0]); err != nil {
			return Result{}, err
		} else if err := fitsDisk(o.Output, is.Size()); err != nil {
			return Result{}, err
		}
	}
	info, entries, err := calibration.Merge(ctx, o.In, o.Output, o.Force)
	if err != nil {
		return Result{}, err
	}
	return resultOf(info, entries), nil
}

func resultOf(info calibration.Info, entries []calibration.Entry) Result {
	r := Result{Of: len(entries), ChunkSize: info.ChunkSize}
	for _, e := range entries {
		if e.Chunks > 0 {
			r.Matrices++
		}
		r.Chunks = max(r.Chunks, e.Chunks)
	}
	return r
}

// read lets the model read the text in passes.
func (o Options) read(ctx context.Context, m *lm.Model) (Result, error) {
	windows, err := o.Text.Windows(m, o.Context, o.Chunks)
	if err != nil {
		return Result{}, err
	}
	c := &collection{o: o, model: m, windows: windows}
	if err := c.matrices(ctx); err != nil {
		return Result{}, err
	}
	name, _ := m.File().String("general.name")
	c.info = calibration.Info{
		Model: cmp.Or(name, filepath.Base(o.Name)), Datasets: []string{o.Text.Name}, ChunkSize: o.Context,
		Of: imatrix.Origin{Model: fmt.Sprintf("%x", m.Identity()), Text: fmt.Sprintf("%x", sha256.Sum256(o.Text.Data))},
	}
	if o.Resume {
		if err := c.resume(); err != nil {
			return Result{}, err
		}
	}
	r, err := c.run(ctx)
	if c.draft != nil {
		err = cmp.Or(err, c.draft.Close())
	}
	return r, err
}

// matrices lists the embedding, unless it is the head or nothing reads it, and what goes into the products of the model, in their order. It
// lets the model read one token to see them.
func (c *collection) matrices(ctx context.Context) error {
	observer, err := c.model.NewObserver()
	if err != nil {
		return err
	}
	defer observer.Close()
	if err := observer.Read(ctx, c.windows[0].Tokens[:1]); err != nil {
		return err
	}
	for _, in := range observer.Inputs() {
		c.entries = append(c.entries, calibration.Entry{Name: in.Weight, Inputs: int64(len(in.Squares))})
	}
	width := int64(c.model.Config().Embed)
	embedding := func(e calibration.Entry) bool { return e.Name == rwkv.TokenEmbd }
	if c.readers = readersOf(c.entries, width); len(c.readers) > 0 && !slices.ContainsFunc(c.entries, embedding) {
		c.entries = slices.Insert(c.entries, 0, calibration.Entry{Name: rwkv.TokenEmbd, Inputs: width, Chunks: len(c.windows)})
	}
	for i := range c.entries {
		if c.entries[i].Weights, err = c.sample(c.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// sample takes some weights from a matrix.
func (c *collection) sample(e calibration.Entry) (calibration.Weights, error) {
	t, _ := c.model.File().Tensor(e.Name)
	return calibration.Sample(e.Inputs, t.Elements()/e.Inputs, func(row int64, dst []float32) error { return c.model.Row(e.Name, row, dst) })
}

// resume takes over what the output has, if it exists.
func (c *collection) resume() error {
	draft, err := calibration.OpenDraft(c.o.Output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.takeOver(draft); err != nil {
		draft.Close()
		return err
	}
	c.draft = draft
	return nil
}

// takeOver takes over what a draft has. It returns a *ResumeError if that is of another model, text or length of chunks.
func (c *collection) takeOver(old *calibration.Draft) error {
	var reason string
	switch {
	case old.Of == imatrix.Origin{}:
		reason = "does not name its model, so it cannot be continued"
	case old.Of.Model != c.info.Of.Model || len(old.Entries) != len(c.entries):
		reason = "was begun with another model than " + c.o.Name + ": the weights or settings differ"
	case old.Of.Text != c.info.Of.Text:
		reason = "was begun with another text"
	case old.ChunkSize != c.info.ChunkSize:
		reason = fmt.Sprintf("has chunks of %d tokens and cannot be continued with chunks of %d", old.ChunkSize, c.info.ChunkSize)
	}
	if reason != "" {
		return &ResumeError{c.o.Output, reason}
	}
	for i, e := range old.Entries {
		if e.Chunks > len(c.windows) {
			return &ResumeError{c.o.Output, fmt.Sprintf("was made from %d chunks, more than the %d to read", e.Chunks, len(c.windows))}
		}
		if i > 0 || !c.hasTable() {
			c.entries[i].Chunks = e.Chunks
		}
	}
	return nil
}

// pass is some matrices that are observed together, from one chunk on.
type pass struct {
	first, end int // entries
	chunk      int
	memory     int64
}

// passes divides the entries that are not finished.
func (c *collection) passes() (all []pass, err error) {
	var last *pass
	for i, e := range c.entries {
		need := engine.MomentsMemory(e.Inputs)
		if rest := c.o.Context % engine.MaxChunk; rest != 0 && c.o.Context > engine.MaxChunk {
			need += 4 * e.Inputs * e.Inputs // a second graph, for the rest of a chunk
		}
		switch {
		case e.Chunks == len(c.windows):
			last = nil
			continue
		case need > c.o.Memory:
			return nil, &MemoryError{e.Name, need, c.o.Memory}
		case last == nil || last.chunk != e.Chunks || last.memory+need > c.o.Memory:
			all = append(all, pass{first: i, chunk: e.Chunks})
			last = &all[len(all)-1]
		}
		last.end, last.memory = i+1, last.memory+need
	}
	return all, nil
}

// names are the tensors of a pass.
func (c *collection) names(p pass) (names []string) {
	for _, e := range c.entries[p.first:p.end] {
		names = append(names, e.Name)
	}
	return slices.Clip(names)
}
