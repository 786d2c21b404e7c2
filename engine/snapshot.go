package engine

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Snapshot is a copy of a session's state: everything the model remembers of the text so far.
type Snapshot struct {
	Tokens int64       // read since the beginning of the text
	State  [][]float32 // in the order of the architecture's state table
}

// clone returns a copy of the snapshot.
func (s Snapshot) clone() Snapshot {
	state := make([][]float32, len(s.State))
	for i, x := range s.State {
		state[i] = slices.Clone(x)
	}
	return Snapshot{s.Tokens, state}
}

// Snapshot copies the state.
func (s *Session) Snapshot() (Snapshot, error) {
	slot := &s.model.shared
	slot.Lock()
	defer slot.Unlock()
	if slot.owner != s && s.away.State != nil {
		snap := s.away.clone()
		snap.Tokens = s.tokens
		return snap, nil
	}
	snap := Snapshot{Tokens: s.tokens}
	if err := s.take(); err != nil {
		return snap, err
	}
	return snap, slot.slots.Save(0, &snap)
}

// Restore goes back to a snapshot of a session of the same model. A snapshot with other dimensions is an error and changes
// nothing.
func (s *Session) Restore(snap Snapshot) error {
	slot := &s.model.shared
	slot.Lock()
	defer slot.Unlock()
	if err := fitting(snap, slot.slots.specs); err != nil {
		return err
	}
	s.tokens = snap.Tokens
	if slot.owner == s || slot.owner == nil {
		slot.owner = s
		return slot.slots.Load(0, snap)
	}
	s.away = snap.clone()
	return nil
}

// shape gives the snapshot the dimensions of a state table. It keeps its memory if that has them.
func (s *Snapshot) shape(specs []rwkv.StateSpec) {
	if fitting(*s, specs) == nil {
		return
	}
	s.State = make([][]float32, len(specs))
	for i, spec := range specs {
		s.State[i] = make([]float32, spec.Elements)
	}
}

// fitting compares a snapshot with a state table.
func fitting(snap Snapshot, specs []rwkv.StateSpec) error {
	if len(snap.State) != len(specs) {
		return fmt.Errorf("a state of %d tensors, the model has %d", len(snap.State), len(specs))
	}
	for i, spec := range specs {
		if got, want := int64(len(snap.State[i])), spec.Elements; got != want {
			return fmt.Errorf("layer %d, %s: a state of %d numbers, the model has %d", spec.Layer, spec.Name, got, want)
		}
	}
	return nil
}

// Save writes the state to w.
func (s *Session) Save(w io.Writer) error {
	snap, err := s.Snapshot()
	if err != nil {
		return err
	}
	return s.model.Layout().Write(w, snap, StateF32)
}

// Load reads a state file of the same model. After an error the session is unchanged.
func (s *Session) Load(r io.Reader) error {
	var snap Snapshot
	if err := s.model.Layout().Read(r, &snap); err != nil {
		return err
	}
	return s.Restore(snap)
}

// fingerprintOf tells models apart. It is the SHA-256 of every tensor's name, type and shape and of some of its bytes.
func fingerprintOf(f *gguf.File) ([32]byte, error) {
	const most = 256
	h := sha256.New()
	for _, t := range f.Tensors() {
		fmt.Fprintf(h, "%s %d %v\n", t.Name, t.Type, t.Shape)
		sample := make([]byte, min(most, t.Size))
		for _, at := range []int64{0, t.Size / 3, t.Size / 2, t.Size - most} {
			at = max(0, at)
			part := sample[:min(most, t.Size-at)]
			if err := f.ReadAt(t, part, at); err != nil {
				return [32]byte{}, err
			}
			h.Write(part)
		}
	}
	return [32]byte(h.Sum(nil)), nil
}

// Identity identifies a model's file, so that stored results can name their model. It is the SHA-256 of the file's fingerprint and
// of all metadata about the architecture and the tokenizer.
func Identity(f *gguf.File) ([32]byte, error) {
	fingerprint, err := fingerprintOf(f)
	return identity(f, fingerprint), err
}

// Identity identifies the loaded file, as the function Identity does.
func (m *Model) Identity() [32]byte { return m.identity() }

// identity reads no more of the file than its header, which Open has kept.
func identity(f *gguf.File, fingerprint [32]byte) [32]byte {
	arch, _ := f.String("general.architecture")
	h := sha256.New()
	h.Write(fingerprint[:])
	w := bufio.NewWriter(h) // which cannot fail, as a hash cannot
	for _, kv := range f.Keys() {
		if strings.HasPrefix(kv.Key, arch+".") || strings.HasPrefix(kv.Key, "tokenizer.") {
			fmt.Fprintf(w, "%q ", kv.Key)
			_ = quoteTo(w, kv.Value)
			_ = w.WriteByte('\n')
		}
	}
	_ = w.Flush()
	return [32]byte(h.Sum(nil))
}
