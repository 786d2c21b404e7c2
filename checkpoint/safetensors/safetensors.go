// Package safetensors reads safetensors files: the length of a header, the header in JSON, and the elements.
// docs/format/safetensors.md describes them. A model in several files is read through its index.
//
// Opening reads the header. Elements are read when they are asked for.
//
// Limits: headers of at most 100 MiB, as the format demands.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// MaxHeader is the largest size of a header in bytes.
const MaxHeader = 100 << 20

// Looks reports whether a file looks like a safetensors file. head is its beginning, at least 9 bytes. size is its length in bytes.
func Looks(head []byte, size int64) bool {
	if len(head) < 9 || head[8] != '{' {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n <= MaxHeader && int64(n) <= size-8
}

// entry is what the header says of a tensor.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   shape    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

type shape []int64

// UnmarshalJSON reads a list that is not longer than a shape can be.
func (s *shape) UnmarshalJSON(data []byte) error {
	if bytes.Count(data, []byte(",")) >= checkpoint.MaxDims {
		return fmt.Errorf("more than %d dimensions", checkpoint.MaxDims)
	}
	return json.Unmarshal(data, (*[]int64)(s))
}

// Read reads the header of a model. file has size bytes. The tensors read file later, so it must stay open.
func Read(file io.ReaderAt, size int64) (*checkpoint.File, error) {
	header, err := readHeader(file, size)
	if err != nil {
		return nil, err
	}
	entries, err := parse(header)
	if err != nil {
		return nil, err
	}
	f := &checkpoint.File{Format: "safetensors", Safetensors: true}
	begin := 8 + int64(len(header))
	for _, e := range entries {
		t, err := e.tensor(file, begin, size)
		if err != nil {
			return nil, fmt.Errorf("tensor %s %w", excerpt.Of(e.name), err)
		}
		f.Tensors = append(f.Tensors, t)
	}
	if len(f.Tensors) == 0 {
		return nil, errors.New("holds no tensors: not a model")
	}
	return f, nil
}

func readHeader(file io.ReaderAt, size int64) ([]byte, error) {
	var length [8]byte
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, size), length[:]); err != nil {
		return nil, fmt.Errorf("%d bytes are too short for the length of a header", size)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("the header is said to have %d bytes, the file has %d: not a safetensors file, or cut short; download it again", n, size)
	}
	header := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(file, 8, int64(n)), header)
	return header, err
}

type named struct {
	name string
	entry
}

// parse reads the header, refusing names that stand there twice, and sorts it by the place of the data.
func parse(header []byte) ([]named, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the header is not a JSON object")
	}
	var list []named
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the header at byte %d: %w", 8+d.InputOffset(), err)
		}
		name, _ := t.(string) // a key is nothing else
		if seen[name] {
			return nil, fmt.Errorf("tensor %s stands in the header twice", excerpt.Of(name))
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := skipMetadata(d); err != nil {
				return nil, fmt.Errorf("the header's __metadata__ at byte %d: %w", 8+d.InputOffset(), err)
			}
			continue
		}
		if len(list) == checkpoint.MaxTensors {
			return nil, fmt.Errorf("the header has more than %d tensors", checkpoint.MaxTensors)
		}
		e := named{name: name}
		if err := d.Decode(&e.entry); err != nil {
			return nil, fmt.Errorf("tensor %s in the header: %w", excerpt.Of(name), excerpt.Error(err))
		}
		list = append(list, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("the header at byte %d: %w", 8+d.InputOffset(), err)
	}
	slices.SortStableFunc(list, func(a, b named) int { return int(min(max(a.Offsets[0]-b.Offsets[0], -1), 1)) })
	return list, nil
}

// skipMetadata reads an object of texts, which nothing needs, without keeping it.
func skipMetadata(d *json.Decoder) error {
	for first, end := json.Token(json.Delim('{')), false; !end; first = nil {
		t, err := d.Token()
		if err != nil {
			return err
		}
		_, text := t.(string)
		end = t == json.Delim('}')
		if first != nil && t != first || first == nil && !text && !end {
			return errors.New("want an object of texts")
		}
	}
	return nil
}

// dtypes are the format's names of element types.
var dtypes = map[string]checkpoint.DType{
	"F32": checkpoint.F32, "F16": checkpoint.F16, "BF16": checkpoint.BF16, "F64": checkpoint.F64, "I64": checkpoint.I64,
	"I32": checkpoint.I32, "I16": checkpoint.I16, "I8": checkpoint.I8, "U8": checkpoint.U8, "BOOL": checkpoint.Bool,
	"U16": checkpoint.U16, "U32": checkpoint.U32, "U64": checkpoint.U64, "C64": checkpoint.C64,
	"F8_E4M3": checkpoint.F8E4M3, "F8_E5M2": checkpoint.F8E5M2,
}

// tensor checks the entry against the file, whose data begin at byte begin.
func (e named) tensor(file io.ReaderAt, begin, size int64) (checkpoint.Tensor, error) {
	dtype, ok := dtypes[strings.ToUpper(e.DType)]
	if !ok {
		return checkpoint.Tensor{}, fmt.Errorf("holds elements of type %s, want F32, F16, BF16 or F64", excerpt.Of(e.DType))
	}
	want := dtype.Size()
	for _, n := range e.Shape {
		if n < 0 || n > 0 && want > size/n {
			return checkpoint.Tensor{}, fmt.Errorf("has shape %s, more than the file's %d bytes hold: cut short, or damaged; download it again", excerpt.Of(e.Shape), size)
		}
		want *= n
	}
	first, end := e.Offsets[0], e.Offsets[1]
	switch {
	case first < 0 || end < first:
		return checkpoint.Tensor{}, fmt.Errorf("lies at bytes %d to %d of the data, which is not a range", first, end)
	case end-first != want:
		return checkpoint.Tensor{}, fmt.Errorf("has %d bytes of data, %s of %s take %d", end-first, excerpt.Of(e.Shape), dtype, want)
	case end > size-begin:
		return checkpoint.Tensor{}, fmt.Errorf("ends at byte %d of a file of %d: cut short, download it again", begin+end, size)
	}
	return checkpoint.Tensor{Name: e.name, DType: dtype, Shape: e.Shape, Data: io.NewSectionReader(file, begin+first, want)}, nil
}
