// Package collect makes importance matrices. A model reads a text, and the squares of the inputs of each of its matrices are summed
// up. Importance matrices of several texts can be added up. As in llama-imatrix, the text is cut into chunks, and each chunk is read
// from an empty state.
//
//	result, err := collect.Run(ctx, collect.Options{Model: "m-F16.gguf", Text: collect.Text{Name: "book.txt", Data: book}, Output: "m.gguf"})
//
// The file is written every 50 chunks, when ctx ends, and at the end. It records the model and the text, so another run can
// continue it.
//
// Limits: chunks are read one after the other.
package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
)

// MinContext is the smallest number of tokens in a chunk.
const MinContext = eval.MinContext

// DefaultContext is the number of tokens in a chunk if none is given.
const DefaultContext = 512

// Options say what Run collects.
type Options struct {
	lm.Options // how the model is opened

	Model  string   // path of a GGUF model; empty only adds up In
	Name   string   // name in errors; empty is Model
	Text   Text     // text that the model reads
	In     []string // files whose sums are added
	Output string   // path of the file to write

	Context int // tokens of a chunk; 0 is 512
	Chunks  int // maximum number of chunks to read; 0 is all

	Resume bool // continue the output if it exists
	Force  bool // replace Output

	Progress func(Progress) // nil drops it
}

// Text is a text in UTF-8. Its name is recorded in the file.
type Text struct {
	Name string
	Data []byte
}

// Progress reports the progress of the reading.
type Progress struct {
	Done, Total int64 // tokens
	Chunks, Of  int   // chunks read so far, and all of them
	Ended       bool  // the reading has ended
}

// Result describes the written file.
type Result struct {
	Tensors   int
	Chunks    int // of all texts
	ChunkSize int // in tokens
	Read      int // chunks that this run read
}

// ShortError is the error of a text with too few tokens for two chunks.
type ShortError = eval.ShortError

// ContextError is the error of Options.In with chunks of another length than Options.Context.
type ContextError struct{ Context, In int }

func (e *ContextError) Error() string {
	return fmt.Sprintf("chunks of %d tokens: the chunks of the given matrices have %d", e.Context, e.In)
}

// ResumeError is the error of a file that cannot be resumed.
type ResumeError struct {
	path, reason string
	Named        bool // an option sets what differs: the text or the chunks
}

func (e *ResumeError) Error() string { return e.path + ": " + e.reason }

// UnwrittenError is the error of an output that could not be written. Kept is the file that holds the matrix instead.
type UnwrittenError struct {
	err  error
	Kept string
}

func (e *UnwrittenError) Error() string { return e.err.Error() }
func (e *UnwrittenError) Unwrap() error { return e.err }

// Run collects the matrix and writes the file. When ctx ends, Run writes the chunks read so far. It returns their result with the
// error of ctx. Callers may also test for fs.ErrExist of the output, and for the errors of this package and of lm.Open.
func Run(ctx context.Context, o Options) (Result, error) {
	o.Name, o.Context = cmp.Or(o.Name, o.Model), cmp.Or(o.Context, DefaultContext)
	if err := tryWriting(o.Output, o.Force || o.Resume); err != nil {
		return Result{}, err
	}
	sums, err := add(o.In)
	if err != nil {
		return Result{}, err
	}
	if o.Model == "" {
		return resultOf(sums), sums.Write(o.Output, o.Force)
	}
	return o.read(ctx, sums)
}

func resultOf(m *imatrix.Matrix) Result {
	return Result{Tensors: len(m.Entries), Chunks: m.Chunks, ChunkSize: m.ChunkSize}
}

// tryWriting returns an error if the file cannot be created, before there is much to lose.
func tryWriting(path string, force bool) error {
	f, err := atomicfile.Create(path, atomicfile.Options{Force: force})
	if err != nil {
		return err
	}
	return f.Close()
}

// add returns the sum of the matrices in files.
func add(paths []string) (*imatrix.Matrix, error) {
	sums := &imatrix.Matrix{}
	for _, path := range paths {
		m, err := imatrix.Read(path)
		if err != nil {
			return nil, err
		}
		if err := sums.Merge(m); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return sums, nil
}

// read lets the model read the text and adds what it collects to the sums.
func (o Options) read(ctx context.Context, sums *imatrix.Matrix) (Result, error) {
	before, err := o.begin(sums)
	if err != nil {
		return Result{}, err
	}
	m, err := lm.Open(ctx, o.Model, o.Options)
	if err != nil {
		return Result{}, err
	}
	defer m.Close()
	of := imatrix.Origin{Model: fmt.Sprintf("%x", m.Identity()), Text: fmt.Sprintf("%x", sha256.Sum256(o.Text.Data))}
	if err := o.tie(before, of, before.Chunks > sums.Chunks); err != nil {
		return Result{}, err
	}
	windows, err := o.Text.Windows(m, o.Context, o.Chunks)
	if err != nil {
		return Result{}, err
	}
	done := before.Chunks - sums.Chunks
	if done > len(windows) {
		return Result{}, fmt.Errorf("%s: was made from %d chunks of %s, which has only %d: it belongs to another text", o.Output, done, o.Text.Name, len(windows))
	}
	observer, err := m.NewObserver()
	if err != nil {
		return Result{}, err
	}
	defer observer.Close()
	c := &collection{o: o, before: before, windows: windows[done:], observer: observer}
	return c.run(ctx)
}

// begin returns the matrix to start from. To resume, that is the output if it exists. Otherwise it is the sums with the text's
// name.
func (o Options) begin(sums *imatrix.Matrix) (*imatrix.Matrix, error) {
	if sums.Chunks > 0 && sums.ChunkSize != o.Context {
		return nil, &ContextError{o.Context, sums.ChunkSize}
	}
	start := &imatrix.Matrix{
		Datasets: append(slices.Clip(sums.Datasets), o.Text.Name), Chunks: sums.Chunks, ChunkSize: o.Context, Entries: sums.Entries,
	}
	if !o.Resume {
		return start, nil
	}
	old, err := imatrix.Read(o.Output)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return start, nil
	case err != nil:
		return nil, err
	case !slices.Equal(old.Datasets, start.Datasets):
		return nil, &ResumeError{o.Output, fmt.Sprintf("was made from %s, not from %s", datasets(old), datasets(start)), true}
	case old.ChunkSize != start.ChunkSize || old.Chunks < sums.Chunks:
		return nil, &ResumeError{o.Output, fmt.Sprintf("has %d chunks of %d tokens and cannot be resumed with chunks of %d", old.Chunks, old.ChunkSize, start.ChunkSize), true}
	}
	return old, nil
}

// tie records the model and the text in a matrix. A matrix that was begun must be of them already.
func (o Options) tie(m *imatrix.Matrix, of imatrix.Origin, begun bool) error {
	var reason string
	switch {
	case !begun || m.Of == of:
		m.Of = of
		return nil
	case m.Of == imatrix.Origin{}:
		reason = "does not name its model, so it cannot be resumed"
	case m.Of.Model != of.Model:
		reason = "was begun with another model than " + o.Name + ": the weights or settings differ"
	default:
		reason = "was begun with another text of the same name"
	}
	return &ResumeError{o.Output, reason, false}
}

// Windows cuts the text into chunks of context tokens, at most most of them unless that is 0. m is the model that will read them.
func (t Text) Windows(m *lm.Model, context, most int) ([]eval.Window, error) {
	if len(t.Data) == 0 {
		return nil, fmt.Errorf("%s: the text is empty", t.Name)
	}
	vocab, err := m.TextTokenizer()
	if err != nil {
		return nil, err
	}
	bos := eval.BOS(m.File(), m.Vocab())
	text, err := eval.NewText(vocab, t.Data, bos)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	windows, err := text.Chunks(context, most, bos)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return windows, nil
}

// datasets returns the names of the first texts of an importance matrix.
func datasets(m *imatrix.Matrix) string {
	const shown = 4
	var names []string
	for _, name := range m.Datasets[:min(shown, len(m.Datasets))] {
		names = append(names, term.Visible(name))
	}
	if len(m.Datasets) > shown {
		names = append(names, fmt.Sprintf("and %d more", len(m.Datasets)-shown))
	}
	return strings.Join(names, ", ")
}
