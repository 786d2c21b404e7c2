package gguf

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

const (
	magic            = "GGUF"
	version          = 3
	defaultAlignment = 32
	alignmentKey     = "general.alignment"

	// The fewest bytes that an entry of the header takes: a name of one byte, a type, one value or dimension, an offset.
	keyBytes    = 8 + 1 + 4 + 1
	tensorBytes = 8 + 1 + 4 + 8 + 4 + 8

	maxName   = 65535   // bytes of the name of a key, as the format has it
	maxTensor = 1 << 10 // bytes of the name of a tensor; ggml reads ggmlName
	maxErrors = 1000    // kept of one file
	maxAhead  = 4096    // entries that room is made for before they are read
)

// parse reads the header of a file. Without errors all its contents hold true; otherwise the errors are all that is
// wrong with the header, in the order they were met, as far as it could be read.
func parse(data []byte) *parser {
	p := &parser{decoder: decoder{data: data[:min(len(data), MaxHeader)]}, file: data, contents: contents{alignment: defaultAlignment}}
	if err := p.header(); err != nil {
		p.errs = append(p.errs, err)
		p.lost = true
		return p
	}
	p.place()
	return p
}

type parser struct {
	decoder
	contents
	file  []byte
	keyAt []int64 // where in the header each key begins
	at    []int64 // where in the header the offset of each tensor stands
	errs  []error
	more  int  // errors that were not kept
	lost  bool // the header could not be read to its end
}

// complain keeps an error that does not hinder reading on.
func (p *parser) complain(offset int64, part, format string, args ...any) {
	if len(p.errs) == maxErrors {
		p.more++
		return
	}
	p.errs = append(p.errs, &FormatError{offset, part, fmt.Sprintf(format, args...)})
}

// quote names a key or tensor in an error. Long names are cut, so that many errors about one stay small.
func quote(what, name string) string { return fmt.Sprintf("%s %.100q", what, name) }

func (p *parser) header() error {
	tensors, keys, err := p.preamble()
	if err != nil {
		return err
	}
	if err := p.readKeys(keys); err != nil {
		return err
	}
	return p.readTensors(tensors)
}

// preamble reads what comes before the keys: magic, version and the two counts.
func (p *parser) preamble() (tensors, keys int64, err error) {
	if start := p.data[:min(len(p.data), len(magic))]; string(start) != magic {
		return 0, 0, &FormatError{0, "magic", fmt.Sprintf("starts with %q, want %q: not a GGUF file", start, magic)}
	}
	p.pos = len(magic)
	at := p.offset()
	if p.version, err = p.u32("version"); err != nil {
		return 0, 0, err
	}
	if reason := refuseVersion(p.version); reason != "" {
		return 0, 0, &FormatError{at, "version", reason}
	}
	at = p.offset()
	t, err := p.u64("tensor count")
	if err != nil {
		return 0, 0, err
	}
	k, err := p.u64("key count")
	if err != nil {
		return 0, 0, err
	}
	if tensors, err = p.count(at, "tensor count", t, tensorBytes); err != nil {
		return 0, 0, err
	}
	if keys, err = p.count(at+8, "key count", k, keyBytes); err != nil {
		return 0, 0, err
	}
	if err = most(at, "tensor count", tensors, MaxTensors); err == nil {
		err = most(at+8, "key count", keys, MaxKeys)
	}
	return tensors, keys, err
}

func refuseVersion(v uint32) string {
	switch {
	case v == 2 || v == version:
		return ""
	case v == 1:
		return "is 1, which is read no more: convert the model again"
	case v != 0 && v&0xffff == 0:
		return fmt.Sprintf("is %d with its bytes swapped: a big-endian file, only little-endian ones are read", bits.ReverseBytes32(v))
	default:
		return fmt.Sprintf("is %d, want 2 or 3: made by a newer program, or damaged", v)
	}
}

func (p *parser) readKeys(n int64) error {
	ahead := min(n, maxAhead)
	p.keys, p.key = make([]KV, 0, ahead), make(map[string]int, ahead)
	for i := range n {
		at := p.offset()
		key, err := p.name("key", p.key, i, maxName)
		if err != nil {
			return err
		}
		part := quote("key", key)
		v, err := p.value(part)
		if err != nil {
			return err
		}
		p.keys, p.keyAt = append(p.keys, KV{key, v}), append(p.keyAt, at)
		if key != alignmentKey {
			continue
		}
		if a, err := alignmentOf(v); err != nil {
			p.complain(at, part, "%v", err)
		} else {
			p.alignment = a
		}
	}
	return nil
}

// name reads the name of key or tensor i, of at most so many bytes, and enters it into the index of names.
func (p *parser) name(what string, index map[string]int, i int64, longest uint64) (string, error) {
	at, part := p.offset(), fmt.Sprintf("name of %s %d", what, i)
	name, err := p.str(part, longest)
	if err != nil {
		return "", err
	}
	if name == "" { // what follows is most likely no header either
		return "", &FormatError{at, part, "is empty"}
	}
	if first, again := index[name]; again {
		p.complain(at, quote(what, name), "is there twice, as number %d and %d", first, i)
	} else {
		index[name] = int(i)
	}
	return name, nil
}

func alignmentOf(v any) (int64, error) {
	a, ok := v.(uint32)
	if !ok {
		return 0, fmt.Errorf("holds a %T, want a uint32", v)
	}
	if bits.OnesCount32(a) != 1 {
		return 0, fmt.Errorf("is %d, want a power of two", a)
	}
	return int64(a), nil
}

func (p *parser) readTensors(n int64) error {
	ahead := min(n, maxAhead)
	p.tensors, p.tensor = make([]Tensor, 0, ahead), make(map[string]int, ahead)
	for i := range n {
		name, err := p.name("tensor", p.tensor, i, maxTensor)
		if err != nil {
			return err
		}
		t := Tensor{Name: name}
		part := quote("tensor", name)
		if err := p.readShape(part, &t); err != nil {
			return err
		}
		if err := p.readOffset(part, &t); err != nil {
			return err
		}
		p.tensors = append(p.tensors, t)
	}
	return nil
}

// readShape reads the dimensions and the type of a tensor. A size that cannot be known is -1.
func (p *parser) readShape(part string, t *Tensor) error {
	at := p.offset()
	dims, err := p.u32(part + " dimensions")
	if err != nil {
		return err
	}
	if dims > maxDims {
		return &FormatError{at, part, fmt.Sprintf("has %d dimensions, want 1 to %d", dims, maxDims)}
	}
	t.Shape = make([]int64, dims)
	for i := range t.Shape {
		d, err := p.u64(part + " shape")
		if err != nil {
			return err
		}
		t.Shape[i] = int64(d)
	}
	typ, err := p.u32(part + " type")
	if err != nil {
		return err
	}
	t.Type = Type(typ)
	if t.Size, err = sizeOf(t.Type, t.Shape); err != nil {
		p.complain(at, part, "%v", err)
		t.Size = -1
	}
	return nil
}

// readOffset reads the offset of a tensor, which counts from the start of the data.
func (p *parser) readOffset(part string, t *Tensor) error {
	at := p.offset()
	p.at = append(p.at, at)
	offset, err := p.u64(part + " offset")
	if err != nil {
		return err
	}
	if rest := offset % uint64(p.alignment); rest != 0 {
		p.complain(at, part, "has offset %d, not a multiple of the alignment %d", offset, p.alignment)
	}
	if offset > math.MaxInt64 {
		p.complain(at, part, "has offset %d, beyond the end of any file", offset)
		t.Size = -1
		return nil
	}
	t.Offset = int64(offset)
	return nil
}

// place makes the offsets of all tensors absolute and sees that they lie in the file and apart from each other.
func (p *parser) place() {
	p.dataOffset, _ = pad(p.offset(), p.alignment)
	size := int64(len(p.file))
	space := size - p.dataOffset
	for i := range p.tensors {
		t := &p.tensors[i]
		if t.Size < 0 {
			continue
		}
		if t.Offset > space || t.Size > space-t.Offset {
			p.complain(p.at[i], quote("tensor", t.Name), "takes %d bytes at %d of the data, which starts at byte %d of a %d-byte file: "+
				"cut short, download or make it again", t.Size, t.Offset, p.dataOffset, size)
			t.Size = -1
			continue
		}
		t.Offset += p.dataOffset
	}
	p.findOverlaps()
}

func (p *parser) findOverlaps() {
	order := p.byOffset()
	for i := 1; i < len(order); i++ {
		a, b := p.tensors[order[i-1]], p.tensors[order[i]]
		if b.Offset >= a.end() {
			continue
		}
		p.complain(p.at[order[i]], quote("tensor", b.Name), "starts at byte %d and overlaps %.100q, which ends at byte %d",
			b.Offset, a.Name, a.end())
		if b.end() < a.end() {
			order[i] = order[i-1]
		}
	}
}

// byOffset returns the indices of the tensors that have a place in the file, first byte first.
func (p *parser) byOffset() []int {
	var order []int
	for i, t := range p.tensors {
		if t.Size >= 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.tensors[a].Offset, p.tensors[b].Offset) })
	return order
}
