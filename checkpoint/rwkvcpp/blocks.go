package rwkvcpp

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"sync"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// blocks delivers a quantized tensor as float32.
type blocks struct{ entry }

// scratch holds what is read and decoded at a time, some blocks.
type scratch struct {
	raw    []byte
	floats []float32
	out    []byte
}

const scratchElements = 8192

var scratches = sync.Pool{New: func() any {
	return &scratch{make([]byte, 2*scratchElements), make([]float32, scratchElements), make([]byte, 4*scratchElements)}
}}

// ReadAt reads the bytes of the elements as float32. It is safe for concurrent use.
func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	size := 4 * b.elements()
	if off < 0 {
		return 0, errors.New("reading before the tensor's first byte")
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	done := 0
	for done < len(p) && off < size {
		first := off / 4 / b.typ.elements // the block that holds the next byte
		start := first * b.typ.elements * 4
		count := min(scratchElements/b.typ.elements, b.elements()/b.typ.elements-first)
		need := (off - start + int64(len(p)-done) + 4*b.typ.elements - 1) / (4 * b.typ.elements)
		count = min(count, need)
		if err := b.decode(s, first, count); err != nil {
			return done, err
		}
		n := copy(p[done:], s.out[off-start:count*b.typ.elements*4])
		done, off = done+n, off+int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// decode leaves so many blocks in s.out.
func (b *blocks) decode(s *scratch, first, count int64) error {
	raw := s.raw[:count*b.typ.bytes]
	if _, err := io.ReadFull(io.NewSectionReader(b.file, b.offset+first*b.typ.bytes, int64(len(raw))), raw); err != nil {
		return err
	}
	n := b.typ.elements
	for i := range count {
		b.typ.decode(s.floats[i*n:(i+1)*n], raw[i*b.typ.bytes:(i+1)*b.typ.bytes])
	}
	float.EncodeF32(s.out[:4*n*count], s.floats[:n*count])
	return nil
}

func half(b []byte) float32   { return float.F16ToF32(binary.LittleEndian.Uint16(b)) }
func single(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// order is where the low and the high half of byte i of a block's nibbles belong.
type order func(i int) (low, high int)

func halves(i int) (int, int)     { return i, i + 16 }      // version 101
func neighbours(i int) (int, int) { return 2 * i, 2*i + 1 } // version 100

// nibbles writes d·(q - zero) + m, q being four bits and, from high, a fifth. Products are rounded before the sum, so
// that every machine gives the same bits.
func nibbles(dst []float32, packed []byte, at order, high uint32, zero int, d, m float32) {
	for i, b := range packed {
		lo, hi := at(i)
		dst[lo] = float32(float32(int(b&15)+int(high>>lo&1)*16-zero)*d) + m
		dst[hi] = float32(float32(int(b>>4)+int(high>>hi&1)*16-zero)*d) + m
	}
}

func q40(dst []float32, b []byte) { nibbles(dst, b[2:], halves, 0, 8, half(b), 0) }
func q41(dst []float32, b []byte) { nibbles(dst, b[4:], halves, 0, 0, half(b), half(b[2:])) }
func q50(dst []float32, b []byte) {
	nibbles(dst, b[6:], halves, binary.LittleEndian.Uint32(b[2:]), 16, half(b), 0)
}
func q51(dst []float32, b []byte) {
	nibbles(dst, b[8:], halves, binary.LittleEndian.Uint32(b[4:]), 0, half(b), half(b[2:]))
}
func q80(dst []float32, b []byte) { bytes8(dst, b[2:], half(b)) }

func oldQ40(dst []float32, b []byte) { nibbles(dst, b[4:], neighbours, 0, 8, single(b), 0) }
func oldQ41(dst []float32, b []byte) { nibbles(dst, b[8:], neighbours, 0, 0, single(b), single(b[4:])) }
func oldQ50(dst []float32, b []byte) {
	nibbles(dst, b[6:], neighbours, binary.LittleEndian.Uint32(b[2:]), 16, half(b), 0)
}
func oldQ51(dst []float32, b []byte) {
	nibbles(dst, b[8:], neighbours, binary.LittleEndian.Uint32(b[4:]), 0, half(b), half(b[2:]))
}
func oldQ80(dst []float32, b []byte) { bytes8(dst, b[4:], single(b)) }

func bytes8(dst []float32, packed []byte, d float32) {
	for i, b := range packed {
		dst[i] = float32(int8(b)) * d
	}
}
