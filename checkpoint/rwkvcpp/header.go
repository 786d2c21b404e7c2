package rwkvcpp

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

const (
	headerSize = 24
	entrySize  = 12 // of a tensor's header, before its dimensions
	maxName    = 1024
	maxTensors = 1 << 16 // the largest RWKV model has some 2,500
)

// header is what the file begins with.
type header struct {
	version              uint32
	vocab, embed, layers int64
}

func readHeader(file io.ReaderAt, size int64) (header, error) {
	if size < headerSize {
		return header{}, fmt.Errorf("the file has %d bytes, its header alone takes %d: cut short, get it again", size, headerSize)
	}
	var raw [headerSize]byte
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, size), raw[:]); err != nil {
		return header{}, err
	}
	if string(raw[:4]) != Magic {
		return header{}, fmt.Errorf("begins with %q, want %q: no model of rwkv.cpp", raw[:4], Magic)
	}
	field := func(i int) uint32 { return binary.LittleEndian.Uint32(raw[4*i:]) }
	h := header{version: field(1), vocab: int64(int32(field(2))), embed: int64(int32(field(3))), layers: int64(int32(field(4)))}
	if h.version != 100 && h.version != 101 {
		return header{}, fmt.Errorf("the header at byte 4 has version %d, want 100 or 101: not a model of rwkv.cpp, or of a later one", h.version)
	}
	if h.vocab < 1 || h.embed < 1 || h.layers < 1 {
		return header{}, fmt.Errorf("the header at byte 8 counts %d tokens, %d channels and %d layers, want 1 or more of each", h.vocab, h.embed, h.layers)
	}
	if _, err := typeOf(field(5), h.version); err != nil {
		return header{}, fmt.Errorf("the header at byte 20 %w", err)
	}
	return h, nil
}

// entry is one tensor as it lies in the file.
type entry struct {
	name   string
	shape  []int64 // slowest dimension first
	typ    elementType
	file   io.ReaderAt
	offset int64 // of the elements
}

func (e entry) elements() int64 { return checkpoint.Tensor{Shape: e.shape}.Elements() }

// data reads the elements as they are, or dequantized.
func (e entry) data() io.ReaderAt {
	if e.typ.decode == nil {
		return io.NewSectionReader(e.file, e.offset, e.elements()*e.typ.bytes)
	}
	return &blocks{entry: e}
}

func readEntries(file io.ReaderAt, size int64, h header) ([]entry, error) {
	var entries []entry
	seen := map[string]bool{}
	for at := int64(headerSize); at < size; {
		e, next, err := readEntry(file, size, at, h.version)
		if err != nil {
			return nil, fmt.Errorf("the tensor at byte %d %w", at, err)
		}
		if seen[e.name] {
			return nil, fmt.Errorf("the tensor at byte %d is called %q, as one before it is", at, e.name)
		}
		if len(entries) == maxTensors {
			return nil, fmt.Errorf("the tensor at byte %d is one more than %d, no model has so many", at, maxTensors)
		}
		seen[e.name] = true
		entries, at = append(entries, e), next
	}
	return entries, checkCounts(entries, h)
}

// readEntry reads the header of a tensor and finds its elements and the byte after them.
func readEntry(file io.ReaderAt, size, at int64, version uint32) (entry, int64, error) {
	r := reader{file: file, at: at, size: size}
	head := r.bytes(entrySize, "its header")
	if r.err != nil {
		return entry{}, 0, r.err
	}
	dims, length := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:])
	if dims < 1 || dims > 3 {
		return entry{}, 0, fmt.Errorf("has %d dimensions, want 1 to 3", dims)
	}
	if length < 1 || length > maxName {
		return entry{}, 0, fmt.Errorf("has a name of %d bytes, want 1 to %d", length, maxName)
	}
	raw := r.bytes(int64(4*dims), "its dimensions")
	name := string(r.bytes(int64(length), "its name"))
	if r.err != nil {
		return entry{}, 0, r.err
	}
	if !utf8.ValidString(name) {
		return entry{}, 0, fmt.Errorf("is called %q, which is not text", name)
	}
	typ, err := typeOf(binary.LittleEndian.Uint32(head[8:]), version)
	if err != nil {
		return entry{}, 0, fmt.Errorf("(%q) %w", name, err)
	}
	shape, err := shapeOf(raw, typ)
	if err != nil {
		return entry{}, 0, fmt.Errorf("(%q) %w", name, err)
	}
	e := entry{name: name, shape: shape, typ: typ, file: file, offset: r.at}
	taken := e.elements() / typ.elements * typ.bytes
	if taken > size-r.at {
		return entry{}, 0, fmt.Errorf("(%q) takes %d bytes from byte %d on, %d are left: cut short, get the file again", name, taken, r.at, size-r.at)
	}
	return e, r.at + taken, nil
}

// shapeOf reads dimensions, fastest first, and turns them round.
func shapeOf(raw []byte, typ elementType) ([]int64, error) {
	var shape []int64
	n := int64(1)
	for i := 0; i < len(raw); i += 4 {
		d := int64(int32(binary.LittleEndian.Uint32(raw[i:])))
		if d < 1 || n > math.MaxInt64/64/d {
			return nil, fmt.Errorf("has %d for dimension %d", d, i/4)
		}
		n *= d
		shape = append(shape, d)
	}
	if shape[0]%typ.elements != 0 {
		return nil, fmt.Errorf("has rows of %d elements, not whole blocks of %s, which have %d", shape[0], typ.name, typ.elements)
	}
	slices.Reverse(shape)
	return shape, nil
}

// reader reads one piece after the other and keeps the first error.
type reader struct {
	file     io.ReaderAt
	at, size int64
	err      error
}

func (r *reader) bytes(n int64, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.size-r.at {
		r.err = fmt.Errorf("ends within %s: %d bytes are wanted at byte %d, %d are left: cut short, or bytes that belong to nothing", what, n, r.at, r.size-r.at)
		return nil
	}
	buf := make([]byte, n)
	_, r.err = io.ReadFull(io.NewSectionReader(r.file, r.at, n), buf)
	r.at += n
	return buf
}

// checkCounts compares the header's counts with the tensors.
func checkCounts(entries []entry, h header) error {
	layers := int64(0)
	for _, e := range entries {
		if e.name == "emb.weight" && !slices.Equal(e.shape, []int64{h.vocab, h.embed}) {
			return fmt.Errorf("tensor %q is %v, but the header says %d tokens of %d channels", e.name, e.shape, h.vocab, h.embed)
		}
		if strings.HasPrefix(e.name, "blocks.") && strings.HasSuffix(e.name, ".ln1.weight") {
			layers++
		}
	}
	if layers != h.layers {
		return fmt.Errorf("it has %d layers, but the header says %d: cut short, get the file again", layers, h.layers)
	}
	return nil
}
