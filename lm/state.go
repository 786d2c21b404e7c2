package lm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// State is what texts begin with. The zero value follows the model's file.
type State struct {
	Path       string // a state tuned for the model (.pth, .safetensors), or a saved state
	Transposed *bool  // whether a tuned state's matrices are transposed compared with the authors' files; nil follows the file
	None       bool   // begin without a state, even if the model's file has one
}

// read returns the beginning of texts, or nil for the model's own. The file may be a pipe; read waits for it until ctx ends.
func (s State) read(ctx context.Context, m *engine.Model) (*engine.Beginning, error) {
	switch {
	case s.None:
		return m.BeginEmpty(), nil
	case s.Path == "":
		return nil, nil
	}
	f, err := infile.Stream(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	snapshot, err := s.readFrom(f, m)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return m.BeginWith(snapshot)
}

// readFrom reads the state from its open file or pipe.
func (s State) readFrom(r io.Reader, m *engine.Model) (snapshot engine.Snapshot, err error) {
	f, regular := r.(*os.File)
	if regular && !saved(io.NewSectionReader(f, 0, magicSize)) {
		states, err := convert.ReadStates(convert.State{Path: s.Path, Transposed: s.Transposed}, m.Arch(), m.Config())
		if err != nil {
			return snapshot, err
		}
		return m.Layout().Tuned(func(name string) ([]float32, error) { return states[name], nil })
	}
	if regular {
		snapshot, err = readSaved(m, f)
	} else {
		snapshot, err = receiveState(m, r, s.Transposed)
	}
	if err != nil {
		return snapshot, fmt.Errorf("%s: %w", s.Path, err)
	}
	return snapshot, nil
}

const magicSize = int64(len(engine.StateMagic))

// saved reports whether r is a saved state.
func saved(r io.Reader) bool {
	head := make([]byte, magicSize)
	_, err := io.ReadFull(r, head)
	return err == nil && string(head) == engine.StateMagic
}

// readSaved reads a saved state to its end.
func readSaved(m *engine.Model, r io.Reader) (engine.Snapshot, error) {
	var snapshot engine.Snapshot
	if err := m.Layout().Read(r, &snapshot); err != nil {
		return snapshot, err
	}
	if n, _ := r.Read(make([]byte, 1)); n > 0 {
		return snapshot, errors.New("the file goes on after the end of the state")
	}
	return snapshot, nil
}

// StateError reports that a file is not a state of the model. It says why. The error wraps a *dialect.Unclear if the file does not tell
// whether the matrices of a tuned state are transposed.
type StateError struct{ err error }

func (e *StateError) Error() string { return e.err.Error() }
func (e *StateError) Unwrap() error { return e.err }

// ErrStateSize is wrapped by the StateError of a file that is too large to be a state of the model.
var ErrStateSize = errors.New("too large to be a state of the model")

// ReadState reads a state of the model: a saved one, or one that was tuned (.pth, .safetensors). Its bytes tell which. transposed is
// State.Transposed. A tuned state has read no tokens. An error of the file's content is a *StateError.
func (m *Model) ReadState(file io.ReaderAt, size int64, transposed *bool) (engine.Snapshot, error) {
	return readState(m.Model, file, size, transposed)
}

func readState(m *engine.Model, file io.ReaderAt, size int64, transposed *bool) (snapshot engine.Snapshot, err error) {
	whole := io.NewSectionReader(file, 0, size) // which has no name that errors could tell
	if saved(io.NewSectionReader(file, 0, min(size, magicSize))) {
		snapshot, err = readSaved(m, whole)
	} else {
		snapshot, err = readTuned(m, whole, transposed)
	}
	if err != nil {
		return engine.Snapshot{}, &StateError{err}
	}
	return snapshot, nil
}

func readTuned(m *engine.Model, file *io.SectionReader, transposed *bool) (engine.Snapshot, error) {
	f, err := formats.Read(file, file.Size())
	if err != nil {
		return engine.Snapshot{}, err
	}
	states, err := convert.StatesOf(f, transposed, m.Arch(), m.Config())
	if err != nil {
		return engine.Snapshot{}, err
	}
	return m.Layout().Tuned(func(name string) ([]float32, error) { return states[name], nil })
}

// tunedRest is what a file of tuned states may have besides their numbers: names, and the tables of its container.
const tunedRest = 1 << 20

// MaxStateFile returns the size of the largest file that ReceiveState takes. The numbers of a tuned state have at most eight bytes (F64),
// twice as many as in memory. A saved state is smaller.
func (m *Model) MaxStateFile() int64 { return maxStateFile(m.Model) }

func maxStateFile(m *engine.Model) int64 { return 2*m.Layout().StateBytes() + tunedRest }

// ReceiveState reads a state as ReadState does, from a stream such as an upload. It copies the stream to a temporary file first, at most
// MaxStateFile bytes. An error of the stream is returned as it is.
func (m *Model) ReceiveState(r io.Reader, transposed *bool) (engine.Snapshot, error) {
	return receiveState(m.Model, r, transposed)
}

func receiveState(m *engine.Model, r io.Reader, transposed *bool) (engine.Snapshot, error) {
	f, err := os.CreateTemp("", "gosling-state-")
	if err != nil {
		return engine.Snapshot{}, temporary(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	_ = os.Remove(f.Name()) // nothing is left if the program is killed; Windows removes it at the end only
	most := maxStateFile(m)
	size, err := io.Copy(spool{f}, io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return engine.Snapshot{}, err
	case size > most:
		return engine.Snapshot{}, &StateError{fmt.Errorf("%w: more than %d bytes", ErrStateSize, most)}
	}
	return readState(m, f, size, transposed)
}

// spool is a temporary file whose errors do not name it.
type spool struct{ file *os.File }

func (s spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	return n, temporary(err)
}

// temporary is an error of a temporary file without its name, or nil.
func temporary(err error) error {
	var onPath *fs.PathError
	if errors.As(err, &onPath) {
		err = onPath.Err
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("a temporary file for the state cannot be written: %w", err)
}
