package gguf

import (
	"fmt"
	"math"
	"slices"
)

// Header describes the file that NewWriter starts.
type Header struct {
	Keys      []KV
	Tensors   []Tensor // in the order of the file. Offset, Size and Part are ignored
	Alignment int64    // of the tensors in bytes, a power of two. 0 stands for the value of the key "general.alignment", or 32
}

// layOut checks the header and returns its bytes, the tensors with their places, and the length of the file. The data
// begins at the first multiple of the alignment after the header; without tensors the file ends with the header.
func (h Header) layOut() (head []byte, tensors []Tensor, size int64, err error) {
	if h, err = h.aligned(); err != nil {
		return nil, nil, 0, err
	}
	if tensors, size, err = h.place(); err != nil {
		return nil, nil, 0, err
	}
	if head, err = h.encode(tensors); err != nil {
		return nil, nil, 0, err
	}
	data := int64(len(head))
	if len(tensors) > 0 {
		data, _ = pad(data, h.Alignment)
	}
	for i := range tensors {
		tensors[i].Offset += data
	}
	return head, tensors, data + size, nil
}

// aligned returns the header with a field and a key that agree. The key is added where the alignment is not the usual one.
func (h Header) aligned() (Header, error) {
	i := slices.IndexFunc(h.Keys, func(kv KV) bool { return kv.Key == alignmentKey })
	if i >= 0 {
		a, err := alignmentOf(h.Keys[i].Value)
		if err != nil {
			return h, fmt.Errorf("%s: %w", quote("key", alignmentKey), err)
		}
		if h.Alignment != 0 && h.Alignment != a {
			return h, fmt.Errorf("%s is %d, the header asks for %d", quote("key", alignmentKey), a, h.Alignment)
		}
		h.Alignment = a
		return h, nil
	}
	if h.Alignment == 0 || h.Alignment == defaultAlignment {
		h.Alignment = defaultAlignment
		return h, nil
	}
	if h.Alignment < 0 || h.Alignment > math.MaxUint32 {
		return h, fmt.Errorf("alignment is %d, want a power of two in 32 bits", h.Alignment)
	}
	h.Keys = append(slices.Clip(h.Keys), KV{alignmentKey, uint32(h.Alignment)})
	_, err := alignmentOf(uint32(h.Alignment))
	return h, err
}

// place returns the tensors with their sizes and their offsets from the start of the data, and the length of the data.
func (h Header) place() (tensors []Tensor, size int64, err error) {
	seen := make(map[string]bool, len(h.Tensors))
	for _, t := range h.Tensors {
		if t.Name == "" || len(t.Name) > ggmlName {
			return nil, 0, fmt.Errorf("%s has a name of %d bytes, want 1 to %d", quote("tensor", t.Name), len(t.Name), ggmlName)
		}
		if seen[t.Name] {
			return nil, 0, fmt.Errorf("%s is there twice", quote("tensor", t.Name))
		}
		seen[t.Name] = true
		if t.Size, err = sizeOf(t.Type, t.Shape); err != nil {
			return nil, 0, fmt.Errorf("%s %w", quote("tensor", t.Name), err)
		}
		t.Offset, t.Part, t.Shape = size, 0, slices.Clone(t.Shape)
		// Two of the largest alignments are left for the header, and for the padding of both.
		const most = math.MaxInt64/2 - 2<<32
		if t.Size > most-size {
			return nil, 0, fmt.Errorf("%s ends %d bytes after %d: larger than any file", quote("tensor", t.Name), t.Size, size)
		}
		size, _ = pad(size+t.Size, h.Alignment)
		tensors = append(tensors, t)
	}
	return tensors, size, nil
}

// encode returns the header's bytes. The offsets of the tensors count from the start of the data.
func (h Header) encode(tensors []Tensor) ([]byte, error) {
	e := &encoder{}
	e.buf = append(e.buf, magic...)
	e.u32(version)
	e.u64(uint64(len(tensors)))
	e.u64(uint64(len(h.Keys)))
	seen := make(map[string]bool, len(h.Keys))
	for _, kv := range h.Keys {
		part := quote("key", kv.Key)
		if kv.Key == "" || len(kv.Key) > maxName {
			return nil, fmt.Errorf("%s has a name of %d bytes, want 1 to %d", part, len(kv.Key), maxName)
		}
		if seen[kv.Key] {
			return nil, fmt.Errorf("%s is there twice", part)
		}
		seen[kv.Key] = true
		e.str(kv.Key)
		if err := e.value(kv.Value); err != nil {
			return nil, fmt.Errorf("%s %w", part, err)
		}
	}
	for _, t := range tensors {
		e.str(t.Name)
		e.u32(uint32(len(t.Shape)))
		for _, d := range t.Shape {
			e.u64(uint64(d))
		}
		e.u32(uint32(t.Type))
		e.u64(uint64(t.Offset))
	}
	return e.buf, nil
}
