package eval

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// baseMagic begins a file of base logits. The format is that of llama-perplexity's --save-all-logits (docs/format/logits.md).
const baseMagic = "_logits_"

// partMagic begins an unfinished file instead of baseMagic. The first bytes of the model's ID follow it.
const partMagic = "_pt"

// Origin names the model that base logits come from.
type Origin struct {
	ID   [32]byte // engine.Identity
	Name string   // for people; at most 80 bytes are kept
}

// partMagic returns the first bytes of an unfinished file of the model.
func (o Origin) partMagic() (m [8]byte) {
	copy(m[copy(m[:], partMagic):], o.ID[:])
	return m
}

// trailer follows the rows in a complete file of ours. llama-perplexity neither reads nor writes it.
type trailer struct {
	Magic [8]byte // "GSLBASE1"
	ID    [32]byte
	Name  [80]byte // padded with zeros
}

const (
	trailerMagic = "GSLBASE1"
	trailerSize  = 8 + 32 + 80
)

// baseFloor is the range of logits that a file keeps. Logits further below the largest are raised to the end of the range.
const baseFloor = 16

// Base is a file with the distributions of a model at the scored positions of windows. A probability takes 16 bits.
type Base struct {
	file    *os.File
	magic   [8]byte
	vocab   int
	context int
	windows int
	done    int     // windows that the file holds completely
	origin  *Origin // nil in files of other programs
}

// baseHeader precedes the tokens.
type baseHeader struct {
	Magic                   [8]byte
	Context, Vocab, Windows int32
}

const baseHeaderSize = 8 + 3*4

// maxVocab is larger than the vocabulary of any model.
const maxVocab = 1 << 24

// BaseSize returns the length of a file for windows made by Text.Chunks.
func BaseSize(windows []Window, vocab int) int64 {
	b := Base{vocab: vocab, context: len(windows[0].Tokens), windows: len(windows)}
	return b.end() + trailerSize
}

// Left returns how many bytes the file still lacks.
func (b *Base) Left() int64 { return int64(b.windows-b.done)*b.windowBytes() + trailerSize }

func (b *Base) rowBytes() int64    { return 2 * int64(4+(b.vocab+1)/2*2) }
func (b *Base) rows() int          { return b.context - 1 - b.context/2 }
func (b *Base) windowBytes() int64 { return int64(b.rows()) * b.rowBytes() }
func (b *Base) end() int64         { return b.rowsAt() + int64(b.windows)*b.windowBytes() }
func (b *Base) rowsAt() int64      { return baseHeaderSize + 4*int64(b.windows)*int64(b.context) }

// CreateBase opens the file at path for writing a model's logits of windows. Until Close, other programs cannot write it. With
// resume it continues a file that CreateBase began, and rejects one of another model or text. It never changes a file that
// CreateBase did not begin.
func CreateBase(path string, windows []Window, vocab int, by Origin, resume bool) (*Base, error) {
	if err := infile.Regular(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	b, err := beginBase(f, windows, vocab, by, resume)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return b, nil
}

func beginBase(f *os.File, windows []Window, vocab int, by Origin, resume bool) (*Base, error) {
	if free, err := lock.Try(f); err == nil && !free {
		return nil, errors.New("another program is writing it")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return createBase(f, windows, vocab, by)
	}
	b := &Base{file: f, origin: &by}
	if err := b.readHeader(); err != nil {
		return nil, err
	}
	if string(b.magic[:]) == baseMagic {
		return nil, errors.New("a whole file of base logits, not an unfinished one")
	}
	if !resume {
		return createBase(f, windows, vocab, by)
	}
	if err := b.matches(windows, vocab); err != nil {
		return nil, err
	}
	if b.magic != by.partMagic() {
		return nil, fmt.Errorf("base logits that were begun with another model than %s", by.Name)
	}
	return b, nil
}

// createBase empties the file and writes its header and tokens.
func createBase(f *os.File, windows []Window, vocab int, by Origin) (*Base, error) {
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	b := &Base{file: f, vocab: vocab, context: len(windows[0].Tokens), windows: len(windows), origin: &by}
	h := baseHeader{Magic: by.partMagic(), Context: int32(b.context), Vocab: int32(vocab), Windows: int32(b.windows)}
	data, err := binary.Append(nil, binary.LittleEndian, h)
	for _, w := range windows {
		if err == nil {
			data, err = binary.Append(data, binary.LittleEndian, w.Tokens)
		}
	}
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	return b, err
}

// OpenBase opens a complete file that was made for these windows.
func OpenBase(path string, windows []Window, vocab int) (*Base, error) {
	b, err := openBase(path)
	if err != nil {
		return nil, err
	}
	if err = b.matches(windows, vocab); err == nil && (b.done < b.windows || string(b.magic[:]) != baseMagic) {
		err = fmt.Errorf("holds %d of %d windows: cut short", b.done, b.windows)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), b.Close())
	}
	return b, nil
}

var errNoBase = errors.New("not a file of base logits")

func openBase(path string) (*Base, error) {
	f, err := infile.Open(path)
	if err != nil {
		return nil, err
	}
	b := &Base{file: f}
	if err := b.readHeader(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return b, nil
}

func (b *Base) readHeader() error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	var h baseHeader
	if err := binary.Read(io.NewSectionReader(b.file, 0, baseHeaderSize), binary.LittleEndian, &h); err != nil || string(h.Magic[:]) != baseMagic && string(h.Magic[:len(partMagic)]) != partMagic {
		head := make([]byte, min(info.Size(), filekind.HeadSize))
		if _, err := b.file.ReadAt(head, 0); err == nil && filekind.IsPointer(head) {
			return errors.New(filekind.Recognize(head, "file of base logits"))
		}
		return fmt.Errorf("%w: it does not begin with %q", errNoBase, baseMagic)
	}
	b.context, b.vocab, b.windows = int(h.Context), int(h.Vocab), int(h.Windows)
	if b.context < MinContext || b.vocab < 1 || b.vocab > maxVocab || b.windows < 1 || int64(b.windows)*int64(b.context) > (info.Size()-baseHeaderSize)/4 {
		return fmt.Errorf("%w: a context of %d, %d tokens and %d windows in %d bytes", errNoBase, b.context, b.vocab, b.windows, info.Size())
	}
	b.magic, b.done = h.Magic, int(min(int64(b.windows), (info.Size()-b.rowsAt())/b.windowBytes()))
	var t trailer
	err = binary.Read(io.NewSectionReader(b.file, b.end(), trailerSize), binary.LittleEndian, &t)
	if err == nil && string(t.Magic[:]) == trailerMagic {
		b.origin = &Origin{t.ID, string(bytes.TrimRight(t.Name[:], "\x00"))}
	}
	return nil
}

// Origin returns the model of a complete file, and whether the file names it.
func (b *Base) Origin() (Origin, bool) {
	if b.origin == nil {
		return Origin{}, false
	}
	return *b.origin, true
}

// finish completes a file: it writes the trailer, and then the magic of a complete file.
func (b *Base) finish() error {
	t := trailer{ID: b.origin.ID}
	copy(t.Magic[:], trailerMagic)
	copy(t.Name[:], b.origin.Name)
	data, err := binary.Append(nil, binary.LittleEndian, t)
	if err != nil {
		return err
	}
	if _, err := b.file.WriteAt(data, b.end()); err != nil {
		return err
	}
	if err := b.file.Sync(); err != nil {
		return err
	}
	if _, err := b.file.WriteAt([]byte(baseMagic), 0); err != nil {
		return err
	}
	copy(b.magic[:], baseMagic)
	return b.file.Sync()
}

// matches compares the header and the tokens with windows. It ignores the first token of each window, which may be a bos.
func (b *Base) matches(windows []Window, vocab int) error {
	switch {
	case b.vocab != vocab:
		return fmt.Errorf("base logits of %d tokens, the model has %d", b.vocab, vocab)
	case b.windows != len(windows) || b.context != len(windows[0].Tokens):
		return fmt.Errorf("base logits of %d windows of %d tokens, want %d of %d", b.windows, b.context, len(windows), len(windows[0].Tokens))
	}
	tokens := make([]tokenizer.Token, b.context)
	in := io.NewSectionReader(b.file, baseHeaderSize, b.rowsAt()-baseHeaderSize)
	for i, w := range windows {
		if err := binary.Read(in, binary.LittleEndian, tokens); err != nil {
			return err
		}
		for k := 1; k < len(tokens); k++ {
			if tokens[k] != w.Tokens[k] {
				return fmt.Errorf("base logits of another text: window %d has token %d at position %d, want %d", i+1, tokens[k], k, w.Tokens[k])
			}
		}
	}
	return nil
}

// Done returns the number of windows that the file holds.
func (b *Base) Done() int { return b.done }

// at returns the offset of the row of a window's position.
func (b *Base) at(window, position int) int64 {
	return b.rowsAt() + int64(window)*b.windowBytes() + int64(position-b.context/2)*b.rowBytes()
}

// Close closes the file.
func (b *Base) Close() error { return b.file.Close() }

// encodeRow writes a distribution: the step, the lowest logarithm, and how many steps each logarithm is above it.
func encodeRow(dst []byte, logits []float32) error {
	s, err := newSoftmax(logits)
	if err != nil {
		return err
	}
	low := max(s.min, s.max-baseFloor)
	step := (s.max - low) / 65535
	binary.LittleEndian.PutUint32(dst, math.Float32bits(step))
	binary.LittleEndian.PutUint32(dst[4:], math.Float32bits(float32(float64(low)-s.logSum)))
	dst = dst[8:]
	for i, x := range logits {
		q := uint16(0)
		if x > low {
			q = uint16(math.RoundToEven(float64((x - low) / step)))
		}
		binary.LittleEndian.PutUint16(dst[2*i:], q)
	}
	return nil
}

// baseRow is a distribution in the file's format.
type baseRow struct {
	step, low float64
	steps     []byte
}

func decodeRow(data []byte) (baseRow, error) {
	r := baseRow{
		step:  float64(math.Float32frombits(binary.LittleEndian.Uint32(data))),
		low:   float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4:]))),
		steps: data[8:],
	}
	if sum := r.step + r.low; sum-sum != 0 || r.step < 0 {
		return r, fmt.Errorf("base logits with a step of %g above %g: the file is damaged", r.step, r.low)
	}
	return r, nil
}

// logProb returns the logarithm of a token's probability.
func (r baseRow) logProb(i int) float64 {
	return r.low + r.step*float64(binary.LittleEndian.Uint16(r.steps[2*i:]))
}
