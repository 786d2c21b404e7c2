package pth

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The limits of a pickle. The largest RWKV checkpoint has some 2,200 tensors, which take some 250 KiB and 70,000 values.
const (
	MaxPickle = 64 << 20
	MaxValues = 1 << 20
)

// The values of a pickle, besides int64, float64, bool and string. Nothing else can be made.
type (
	none  struct{}
	long  []byte // an integer of more than 64 bits, little-endian
	tuple []any
	list  struct{ items []any }
	dict  struct{ keys, values []any } // in the order they were set
)

// decoder runs pickles: a machine with a stack, a memo and marks, restricted to what a state dict needs. It makes
// values of this package only, and runs no code that a file names. Its memory is bounded by the pickle's length and
// by MaxValues; it does not recurse.
type decoder struct {
	r    *bufio.Reader
	part string // what is being read, for errors: "data.pkl"
	size int64  // of all that may be read
	off  int64  // of the next byte

	at       int64 // of the current instruction
	values   int   // made so far
	stack    []any
	marks    []int // heights of the stack
	memo     map[uint64]any
	storages map[string]*storage
	ordered  []*storage // the same, as they were first met
}

// newDecoder reads at most size bytes of r.
func newDecoder(r io.ReaderAt, size int64, part string) *decoder {
	return &decoder{
		r:        bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10),
		part:     part,
		size:     size,
		storages: map[string]*storage{},
	}
}

// load runs one pickle and returns its value. Pickles may follow one another; storages are kept from one to the next.
func (d *decoder) load() (any, error) {
	d.stack, d.marks, d.memo = nil, nil, map[uint64]any{}
	for {
		d.at = d.off
		op, err := d.uint(1)
		if err != nil {
			return nil, err
		}
		if op == stop {
			if len(d.marks) > 0 || len(d.stack) != 1 {
				return nil, d.errorf("ends at byte %d with %d values on its stack, want 1: damaged", d.at, len(d.stack))
			}
			return d.stack[0], nil
		}
		run, ok := opcodes[byte(op)]
		if !ok {
			return nil, d.errorf("has %s at offset %d: a checkpoint needs no such thing, not loading", opcodeName(byte(op)), d.at)
		}
		if err := run(d); err != nil {
			return nil, err
		}
	}
}

// errorf is an error that begins with the part's name.
func (d *decoder) errorf(format string, args ...any) error {
	return fmt.Errorf(d.part+" "+format, args...)
}

// wrong says what the current instruction wants.
func (d *decoder) wrong(format string, args ...any) error {
	return d.errorf("at byte %d: "+format+": damaged or made by hand, not loading", append([]any{d.at}, args...)...)
}

// bytes reads the next n bytes. A length beyond what is left is refused before anything is allocated.
func (d *decoder) bytes(n uint64) ([]byte, error) {
	if left := d.size - d.off; n > uint64(left) {
		return nil, d.errorf("at byte %d wants %d bytes more, %d are left: cut short", d.at, n, left)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(d.r, b); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, d.errorf("at byte %d: %w", d.at, err)
	}
	d.off += int64(n)
	return b, nil
}

// uint reads a little-endian integer of 1 to 8 bytes.
func (d *decoder) uint(size uint64) (uint64, error) {
	b, err := d.bytes(size)
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), err
}

// count notes that one more value is kept.
func (d *decoder) count() error {
	d.values++
	if d.values > MaxValues {
		return d.errorf("makes more than %d values at byte %d: a checkpoint needs far fewer, not loading", MaxValues, d.at)
	}
	return nil
}

func (d *decoder) push(v any) error {
	d.stack = append(d.stack, v)
	return d.count()
}

// floor is how far the stack may be popped.
func (d *decoder) floor() int {
	if len(d.marks) == 0 {
		return 0
	}
	return d.marks[len(d.marks)-1]
}

// pop takes the topmost n values off the stack. The slice is valid until the next push.
func (d *decoder) pop(n int) ([]any, error) {
	rest := len(d.stack) - n
	if rest < d.floor() {
		return nil, d.wrong("takes %d values off a stack of %d", n, len(d.stack)-d.floor())
	}
	top := d.stack[rest:]
	d.stack = d.stack[:rest]
	return top, nil
}

// popMark takes the values above the last mark, and the mark.
func (d *decoder) popMark() ([]any, error) {
	if len(d.marks) == 0 {
		return nil, d.wrong("there is no mark on the stack")
	}
	top, err := d.pop(len(d.stack) - d.floor())
	d.marks = d.marks[:len(d.marks)-1]
	return top, err
}

// top is the topmost value, left where it is; it is nil on an empty stack.
func (d *decoder) top() any {
	if len(d.stack) <= d.floor() {
		return nil
	}
	return d.stack[len(d.stack)-1]
}

func (d *decoder) protocol() error {
	v, err := d.uint(1)
	if err == nil && (v < 2 || v > 5) {
		return d.errorf("is pickle protocol %d, want 2 to 5: save it again with torch.save", v)
	}
	return err
}

// frame skips the length of a frame, which says nothing that the instructions do not.
func (d *decoder) frame() error {
	_, err := d.bytes(8)
	return err
}

func (d *decoder) put(size uint64) error {
	key, err := d.uint(size)
	if err != nil {
		return err
	}
	return d.remember(key)
}

func (d *decoder) remember(key uint64) error {
	v := d.top()
	if v == nil {
		return d.wrong("there is nothing on the stack to remember")
	}
	d.memo[key] = v
	return d.count()
}

func (d *decoder) get(size uint64) error {
	key, err := d.uint(size)
	if err != nil {
		return err
	}
	v, ok := d.memo[key]
	if !ok {
		return d.wrong("nothing is remembered as %d", key)
	}
	return d.push(v)
}

func (d *decoder) text(size uint64) error {
	n, err := d.uint(size)
	if err != nil {
		return err
	}
	b, err := d.bytes(n)
	if err != nil {
		return err
	}
	return d.push(string(b))
}

// skip reads bytes that nothing needs, with their length before them.
func (d *decoder) skip(size uint64) error {
	n, err := d.uint(size)
	if err != nil {
		return err
	}
	if _, err := d.bytes(n); err != nil {
		return err
	}
	return d.push(opaque{"bytes"})
}

func (d *decoder) int32() error {
	v, err := d.uint(4)
	if err != nil {
		return err
	}
	return d.push(int64(int32(v)))
}

func (d *decoder) unsigned(size uint64) error {
	v, err := d.uint(size)
	if err != nil {
		return err
	}
	return d.push(int64(v))
}

// long reads an integer of any length in two's complement.
func (d *decoder) long() error {
	n, err := d.uint(1)
	if err != nil {
		return err
	}
	b, err := d.bytes(n)
	if err != nil {
		return err
	}
	if len(b) > 8 {
		return d.push(long(b))
	}
	var full [8]byte
	if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
		full = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(full[:], b)
	return d.push(int64(binary.LittleEndian.Uint64(full[:])))
}

func (d *decoder) float64() error {
	b, err := d.bytes(8)
	if err != nil {
		return err
	}
	return d.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}
