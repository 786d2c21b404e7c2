package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
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

// stateHeader begins a state file. The numbers after it are the state's float32s in the order of the architecture's state
// table, then the CRC-32 (Castagnoli) of all before it. Everything is little-endian. See docs/format/state.md.
type stateHeader struct {
	Magic       [8]byte  // "GSLSTATE"
	Version     uint32   // 1
	Arch        [16]byte // "rwkv7", padded with zeros
	Layers      uint32
	Embed       uint32
	HeadSize    uint32
	Fingerprint [32]byte
	Tokens      int64
	Elements    int64
}

// StateMagic is what a state file starts with.
const StateMagic = "GSLSTATE"

func (m *Model) header(tokens int64) stateHeader {
	h := stateHeader{
		Version: 1, Layers: uint32(m.config.Layers), Embed: uint32(m.config.Embed),
		HeadSize: uint32(m.config.HeadSize), Fingerprint: m.fingerprint, Tokens: tokens,
	}
	copy(h.Magic[:], StateMagic)
	copy(h.Arch[:], m.arch.Name)
	for _, spec := range m.arch.State(m.config) {
		h.Elements += spec.Elements
	}
	return h
}

// Save writes the state to w.
func (s *Session) Save(w io.Writer) error {
	snap, err := s.Snapshot()
	if err != nil {
		return err
	}
	for i, x := range snap.State {
		if float.FirstNotFinite(x) >= 0 {
			return fmt.Errorf("the state of layer %d has numbers that are not finite: nothing could go on from it", s.model.shared.slots.specs[i].Layer)
		}
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	both := io.MultiWriter(w, sum)
	if err := binary.Write(both, binary.LittleEndian, s.model.header(s.tokens)); err != nil {
		return err
	}
	for _, x := range snap.State {
		data := make([]byte, 4*len(x))
		float.EncodeF32(data, x)
		if _, err := both.Write(data); err != nil {
			return err
		}
	}
	return binary.Write(w, binary.LittleEndian, sum.Sum32())
}

// Load reads a state that Save wrote for the same model. After an error the session is unchanged.
func (s *Session) Load(r io.Reader) error {
	snap, err := s.model.ReadSnapshot(r)
	if err != nil {
		return err
	}
	return s.Restore(snap)
}

// ReadSnapshot reads a state that Session.Save wrote for the same model.
func (m *Model) ReadSnapshot(r io.Reader) (Snapshot, error) {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	both := io.TeeReader(r, sum)
	var h stateHeader
	if err := binary.Read(both, binary.LittleEndian, &h); err != nil {
		return Snapshot{}, fmt.Errorf("no state file: shorter than its header")
	}
	if err := m.fits(h); err != nil {
		return Snapshot{}, err
	}
	snap := Snapshot{Tokens: h.Tokens}
	for _, spec := range m.arch.State(m.config) {
		data := make([]byte, 4*spec.Elements)
		if _, err := io.ReadFull(both, data); err != nil {
			return Snapshot{}, fmt.Errorf("the state is cut short in layer %d", spec.Layer)
		}
		x := make([]float32, spec.Elements)
		float.DecodeF32(x, data)
		if float.FirstNotFinite(x) >= 0 {
			return Snapshot{}, fmt.Errorf("the state of layer %d has numbers that are not finite", spec.Layer)
		}
		snap.State = append(snap.State, x)
	}
	want := sum.Sum32()
	var got uint32
	if err := binary.Read(r, binary.LittleEndian, &got); err != nil || got != want {
		return Snapshot{}, fmt.Errorf("the state is damaged: its checksum is %08x, want %08x", got, want)
	}
	return snap, nil
}

// fits compares a state file's header with the model.
func (m *Model) fits(h stateHeader) error {
	want := m.header(0)
	arch := string(bytes.TrimRight(h.Arch[:], "\x00"))
	switch {
	case h.Magic != want.Magic:
		return fmt.Errorf("no state file: it starts with %q, want %q", h.Magic[:], want.Magic[:])
	case h.Version != want.Version:
		return fmt.Errorf("a state file of version %d, this program reads version %d", h.Version, want.Version)
	case h.Arch != want.Arch || h.Layers != want.Layers || h.Embed != want.Embed || h.HeadSize != want.HeadSize || h.Elements != want.Elements:
		return fmt.Errorf("a state of %s with %d layers of %d channels, heads of %d; the model is %s with %d of %d, heads of %d",
			arch, h.Layers, h.Embed, h.HeadSize, m.arch.Name, want.Layers, want.Embed, want.HeadSize)
	case h.Fingerprint != want.Fingerprint:
		return fmt.Errorf("the state was saved with other weights: load it with the same file")
	case h.Tokens < 0:
		return fmt.Errorf("a state after %d tokens", h.Tokens)
	}
	return nil
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
func (m *Model) Identity() [32]byte { return identity(m.file, m.fingerprint) }

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
