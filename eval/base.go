package eval

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"gosling/internal/filekind"
	"gosling/tokenizer"
)

// baseMagic begins a file of base logits, in the format of llama-perplexity's --save-all-logits (docs/format/logits.md).
const baseMagic = "_logits_"

// baseFloor is how far below the largest logit others are told apart.
const baseFloor = 16

// Base is a file with the distributions that a model gave at the scored positions of windows, in 16 bits a probability.
type Base struct {
	file    *os.File
	vocab   int
	context int
	windows int
	done    int // windows that the file holds wholly
}

// baseHeader is what precedes the tokens.
type baseHeader struct {
	Magic                   [8]byte
	Context, Vocab, Windows int32
}

const baseHeaderSize = 8 + 3*4

// maxVocab is beyond what any model has.
const maxVocab = 1 << 24

// BaseSize is the length of a file for windows made by Text.Chunks.
func BaseSize(windows []Window, vocab int) int64 {
	b := Base{vocab: vocab, context: len(windows[0].Tokens), windows: len(windows)}
	return b.rowsAt() + int64(b.windows)*b.windowBytes()
}

func (b *Base) rowBytes() int64    { return 2 * int64(4+(b.vocab+1)/2*2) }
func (b *Base) rows() int          { return b.context - 1 - b.context/2 }
func (b *Base) windowBytes() int64 { return int64(b.rows()) * b.rowBytes() }
func (b *Base) rowsAt() int64      { return baseHeaderSize + 4*int64(b.windows)*int64(b.context) }

// CreateBase opens the file at path to write it. With resume the windows that are there already are kept if the file was
// begun for the same text.
func CreateBase(path string, windows []Window, vocab int, resume bool) (*Base, error) {
	if resume {
		b, err := openBase(path, os.O_RDWR)
		if err == nil && b.matches(windows, vocab) == nil {
			return b, nil
		}
		if err == nil {
			err = b.Close()
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errNoBase) {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	b := &Base{file: f, vocab: vocab, context: len(windows[0].Tokens), windows: len(windows)}
	h := baseHeader{Context: int32(b.context), Vocab: int32(vocab), Windows: int32(b.windows)}
	copy(h.Magic[:], baseMagic)
	data, err := binary.Append(nil, binary.LittleEndian, h)
	for _, w := range windows {
		if err == nil {
			data, err = binary.Append(data, binary.LittleEndian, w.Tokens)
		}
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

// OpenBase opens a whole file that was made for these windows.
func OpenBase(path string, windows []Window, vocab int) (*Base, error) {
	b, err := openBase(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if err = b.matches(windows, vocab); err == nil && b.done < b.windows {
		err = fmt.Errorf("holds %d of %d windows: cut short", b.done, b.windows)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), b.Close())
	}
	return b, nil
}

var errNoBase = errors.New("no file of base logits")

func openBase(path string, flag int) (*Base, error) {
	f, err := os.OpenFile(path, flag, 0)
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
	if err := binary.Read(io.NewSectionReader(b.file, 0, baseHeaderSize), binary.LittleEndian, &h); err != nil || string(h.Magic[:]) != baseMagic {
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
	b.done = int(min(int64(b.windows), (info.Size()-b.rowsAt())/b.windowBytes()))
	return nil
}

// matches compares the header with windows. The first token of each is not looked at, since a bos may stand there.
func (b *Base) matches(windows []Window, vocab int) error {
	switch {
	case b.vocab != vocab:
		return fmt.Errorf("base logits of %d tokens, the model has %d", b.vocab, vocab)
	case b.windows != len(windows) || b.context != len(windows[0].Tokens):
		return fmt.Errorf("base logits of %d windows of %d tokens, wanted are %d of %d", b.windows, b.context, len(windows), len(windows[0].Tokens))
	}
	tokens := make([]tokenizer.Token, b.context)
	in := io.NewSectionReader(b.file, baseHeaderSize, b.rowsAt()-baseHeaderSize)
	for i, w := range windows {
		if err := binary.Read(in, binary.LittleEndian, tokens); err != nil {
			return err
		}
		for k := 1; k < len(tokens); k++ {
			if tokens[k] != w.Tokens[k] {
				return fmt.Errorf("base logits of another text: window %d has token %d at position %d, wanted is %d", i+1, tokens[k], k, w.Tokens[k])
			}
		}
	}
	return nil
}

// Done is the number of windows that the file holds.
func (b *Base) Done() int { return b.done }

// at is where the row of a window's position lies.
func (b *Base) at(window, position int) int64 {
	return b.rowsAt() + int64(window)*b.windowBytes() + int64(position-b.context/2)*b.rowBytes()
}

// Sync brings what was written to the disk.
func (b *Base) Sync() error { return b.file.Sync() }

// Close closes the file.
func (b *Base) Close() error { return b.file.Close() }

// encodeRow writes a distribution: the step and the least of the logarithms, and how many steps each is above it.
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

// baseRow is a distribution as it lies in the file.
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

// logProb is the logarithm of a token's probability.
func (r baseRow) logProb(i int) float64 {
	return r.low + r.step*float64(binary.LittleEndian.Uint16(r.steps[2*i:]))
}
