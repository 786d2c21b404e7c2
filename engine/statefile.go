package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Layout is what the states of a model look like, and which model it is. It reads and writes state files without the model's weights.
// Goroutines may share it.
type Layout struct {
	header stateHeader
	specs  []rwkv.StateSpec
}

// NewLayout returns the layout of a model with a fingerprint.
func NewLayout(arch rwkv.Arch, c rwkv.Config, fingerprint [32]byte) Layout {
	l := Layout{
		header: stateHeader{Version: 1, Layers: uint32(c.Layers), Embed: uint32(c.Embed), HeadSize: uint32(c.HeadSize), Fingerprint: fingerprint},
		specs:  arch.State(c),
	}
	copy(l.header.Magic[:], StateMagic)
	copy(l.header.Arch[:], arch.Name)
	for _, spec := range l.specs {
		l.header.Elements += spec.Elements
	}
	return l
}

// Layout returns the layout of the model's states.
func (m *Model) Layout() Layout { return NewLayout(m.arch, m.config, m.fingerprint) }

// Fingerprint tells models apart: a state fits one file of weights only. See docs/format/state.md.
func (l Layout) Fingerprint() [32]byte { return l.header.Fingerprint }

// StateBytes returns the size of a state in memory.
func (l Layout) StateBytes() int64 { return 4 * l.header.Elements }

// Fits compares a snapshot's dimensions with those of the model.
func (l Layout) Fits(s Snapshot) error { return fitting(s, l.specs) }

// Tuned returns a tuned state as the snapshot of a text that begins with it. read returns the elements of a tensor by its GGUF name.
func (l Layout) Tuned(read func(name string) ([]float32, error)) (Snapshot, error) {
	var s Snapshot
	s.shape(l.specs)
	any := false
	for i, spec := range l.specs {
		if spec.Tuned == "" {
			for j := range s.State[i] {
				s.State[i][j] = spec.Start
			}
			continue
		}
		x, err := read(spec.Tuned)
		if err != nil {
			return Snapshot{}, err
		}
		if want := int(l.header.Embed * l.header.HeadSize); len(x) != want {
			return Snapshot{}, fmt.Errorf("tensor %q has %d elements, want %d", spec.Tuned, len(x), want)
		}
		spec.Place(s.State[i], x)
		any = true
	}
	if !any {
		return Snapshot{}, fmt.Errorf("%s has no state that can be tuned", l.arch())
	}
	return s, nil
}

// arch is the name of the architecture, as GGUF files have it.
func (l Layout) arch() string { return nameOf(l.header.Arch) }

func nameOf(arch [16]byte) string { return string(bytes.TrimRight(arch[:], "\x00")) }

// StateType is the type of the numbers in a state file. The values are those of GGUF's types.
type StateType uint32

// The types of state files.
const (
	StateF32 StateType = 0 // as the model computes
	StateF16 StateType = 1 // rounded, half the size. It has no numbers beyond 65504
)

// maxF16 is the largest number that an f16 holds.
const maxF16 = 65504

// ErrRange reports a state with numbers that its file cannot hold.
var ErrRange = errors.New("write the state as f32")

// format returns how numbers of the type lie in a file, or 0 for an unknown type.
func (t StateType) format() float.Format {
	switch t {
	case StateF32:
		return float.F32
	case StateF16:
		return float.F16
	}
	return 0
}

// stateHeader begins a state file. In version 2, the type of the numbers follows as a u32. Then come the numbers in the order of the
// architecture's state table, and the CRC-32 (Castagnoli) of all before it. Everything is little-endian. See docs/format/state.md.
type stateHeader struct {
	Magic       [8]byte  // "GSLSTATE"
	Version     uint32   // 1 for f32, 2 for other types
	Arch        [16]byte // "rwkv7", padded with zeros
	Layers      uint32
	Embed       uint32
	HeadSize    uint32
	Fingerprint [32]byte
	Tokens      int64
	Elements    int64
}

// The parts of a state file besides its numbers, in bytes.
const (
	headerBytes = 88
	typeBytes   = 4
	sumBytes    = 4
)

// StateMagic is what a state file starts with.
const StateMagic = "GSLSTATE"

// FileBytes returns the size of a state file.
func (l Layout) FileBytes(t StateType) int64 {
	size := headerBytes + int64(t.format().Size())*l.header.Elements + sumBytes
	if t != StateF32 {
		size += typeBytes
	}
	return size
}

// Write writes a state file. A state that does not fit the model, or with numbers that are not finite, is an error. So is one with numbers
// that the type does not hold, and then the error wraps ErrRange. After such an error nothing was written.
func (l Layout) Write(w io.Writer, s Snapshot, t StateType) error {
	if err := l.writable(s, t); err != nil {
		return err
	}
	header := l.header
	header.Tokens = s.Tokens
	sum := crc32.New(castagnoli())
	both := io.MultiWriter(w, sum)
	var head bytes.Buffer
	if t != StateF32 {
		header.Version = 2
	}
	_ = binary.Write(&head, binary.LittleEndian, header)
	if t != StateF32 {
		_ = binary.Write(&head, binary.LittleEndian, t)
	}
	if _, err := both.Write(head.Bytes()); err != nil {
		return err
	}
	var data []byte
	for _, x := range s.State {
		data = sized(data, t.format().Size()*len(x))
		t.format().Encode(data, x)
		if _, err := both.Write(data); err != nil {
			return err
		}
	}
	return binary.Write(w, binary.LittleEndian, sum.Sum32())
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sized returns n bytes in the memory of data, if it has as many.
func sized(data []byte, n int) []byte {
	if cap(data) < n {
		return make([]byte, n)
	}
	return data[:n]
}

func (l Layout) writable(s Snapshot, t StateType) error {
	if t.format() == 0 {
		return fmt.Errorf("engine: internal error: state files of type %d are not known", t)
	}
	if err := l.Fits(s); err != nil {
		return err
	}
	for i, x := range s.State {
		if float.FirstNotFinite(x) >= 0 {
			return fmt.Errorf("the state of layer %d has numbers that are not finite: nothing could go on from it", l.specs[i].Layer)
		}
		for _, v := range x {
			if t == StateF16 && math.Abs(float64(v)) > maxF16 {
				return fmt.Errorf("the state of layer %d has the number %g, the largest of f16 is %d: %w", l.specs[i].Layer, v, maxF16, ErrRange)
			}
		}
	}
	return nil
}

// Read reads a state file of the model into a snapshot. It uses the snapshot's memory if that has the right dimensions. After an error,
// the numbers in the snapshot are meaningless. Read reads no more than a header of what is not a state of the model.
func (l Layout) Read(r io.Reader, into *Snapshot) error {
	sum := crc32.New(castagnoli())
	both := io.TeeReader(r, sum)
	var h stateHeader
	if err := binary.Read(both, binary.LittleEndian, &h); err != nil {
		return fmt.Errorf("not a state file: shorter than its header")
	}
	if err := l.fits(h); err != nil {
		return err
	}
	t := StateF32
	if h.Version == 2 {
		if err := binary.Read(both, binary.LittleEndian, &t); err != nil {
			return fmt.Errorf("not a state file: shorter than its header")
		}
		if t != StateF16 {
			return fmt.Errorf("a state file with numbers of type %d, this program reads type %d (f16)", t, StateF16)
		}
	}
	into.shape(l.specs)
	into.Tokens = h.Tokens
	if err := l.numbers(both, t.format(), into.State); err != nil {
		return err
	}
	want := sum.Sum32()
	var got uint32
	if err := binary.Read(r, binary.LittleEndian, &got); err != nil || got != want {
		return fmt.Errorf("the state is damaged: its checksum is %08x, want %08x", got, want)
	}
	return nil
}

// numbers reads the numbers of a state file.
func (l Layout) numbers(r io.Reader, f float.Format, state [][]float32) error {
	var data []byte
	for i, x := range state {
		data = sized(data, f.Size()*len(x))
		if _, err := io.ReadFull(r, data); err != nil {
			return fmt.Errorf("the state is cut short in layer %d", l.specs[i].Layer)
		}
		f.Decode(x, data)
		if float.FirstNotFinite(x) >= 0 {
			return fmt.Errorf("the state of layer %d has numbers that are not finite", l.specs[i].Layer)
		}
	}
	return nil
}

// fits compares a state file's header with the model.
func (l Layout) fits(h stateHeader) error {
	want := l.header
	switch {
	case h.Magic != want.Magic:
		return fmt.Errorf("not a state file: it starts with %q, want %q", h.Magic[:], want.Magic[:])
	case h.Version != 1 && h.Version != 2:
		return fmt.Errorf("a state file of version %d, this program reads versions 1 and 2", h.Version)
	case h.Arch != want.Arch || h.Layers != want.Layers || h.Embed != want.Embed || h.HeadSize != want.HeadSize || h.Elements != want.Elements:
		return fmt.Errorf("a state of %s with %d layers of %d channels, heads of %d; the model is %s with %d of %d, heads of %d",
			nameOf(h.Arch), h.Layers, h.Embed, h.HeadSize, l.arch(), want.Layers, want.Embed, want.HeadSize)
	case h.Fingerprint != want.Fingerprint:
		return fmt.Errorf("the state was saved with other weights: load it with the same file")
	case h.Tokens < 0:
		return fmt.Errorf("a state after %d tokens", h.Tokens)
	}
	return nil
}
