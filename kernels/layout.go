package kernels

import (
	"encoding/binary"
	"math"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// A packed matrix is a sequence of groups. A group holds R rows: 8 for AVX2, 16 for VNNI. It is a sequence of blocks. A block
// contains, in this order:
//
//	Q4_K, Q5_K  scales [R]f16, scales of minima [R]f16, part scales [8][R]u8 (part, row), part minima [4][R][2]u8 (pair of parts, row,
//	            part), and the parts
//	Q6_K        scales [R]f16, scales of halves of parts [8][R][2]i8 (part, row, half), and the parts
//	Q8_0, Q4_0  scales [R]f16, and one part
//	F32, F16, BF16  the weights [R] of one column
//
// A part contains the weights of 32 columns, in vectors of 4 columns, [R][4]u8 (row, column):
//
//	Q4_K, Q4_0  4 vectors: the low halves of their bytes are columns 0 to 15, the high halves columns 16 to 31
//	Q5_K        the lower 4 bits in the same way, and a vector of fifth bits: bit j of byte c belongs to column 4j+c
//	Q6_K        3 vectors for each half of the part. The lower 6 bits of their bytes are columns 0 to 11. The upper 2 bits of vector v
//	            are bits 2v and 2v+1 of columns 12 to 15
//	Q8_0        8 vectors. For VNNI the bytes are unsigned: the weights plus 128
//
// If the matrix has too few rows to fill the last group, the missing rows are zero.

// Offsets in a packed block: multiply them by the rows of a group. K stands for Q4_K and Q5_K, 6 for Q6_K, S for Q8_0 and Q4_0.
const (
	minimaK, scalesK, minsK, partsK = 2, 4, 12, 20
	scales6, parts6                 = 2, 18
	partsS                          = 2
	vector                          = 4 // bytes
)

// rows is the number of rows of a group.
func (l Level) rows() int {
	if l == VNNI {
		return 16
	}
	return 8
}

// form is the form of the columns that a matrix is multiplied with.
type form int

const (
	asFloats form = iota
	in256         // rounded to bytes, in blocks of 256
	in32          // rounded to bytes, in blocks of 32
)

// A block of a rounded column contains:
//
//	in256  the scale f32, 12 unused bytes, the sums of the 8 parts [8]i16, and the 8 parts. A part is 32 bytes, and the sums of its two
//	       halves times -16, [2]i16
//	in32   the scale f32, the sum of the bytes times -8 i32, the same sum times -128 i32, and the 32 bytes
//
// A value is its byte times the scale. The scale is NaN if a value of the block is not finite.
var roundedBlock = map[form]struct{ values, bytes int64 }{in256: {256, 320}, in32: {32, 44}}

// layout describes a packed type.
type layout struct {
	name     string // in names of functions
	bytes    int64  // of a packed block, for each row
	columns  form
	unpacked int64                                       // bytes of an unpacked block for AVX2, or 0 if no function unpacks
	wideFrom int64                                       // for AVX2, the wide tile is used for chunks of at least this many columns
	wide     int64                                       // columns of the wide tile for AVX2, or 0
	pack     func(to, from []byte, level Level, row int) // packs a block of a row; nil for floats
	weights  func(block []byte, level Level, row int) weights
}

// layouts has a layout for each type that has kernels.
var layouts = map[gguf.Type]layout{
	gguf.Q4_K: {"q4k", 148, in256, 2496, 24, 6, packQ4K, weightsQ4K},
	gguf.Q5_K: {"q5k", 180, in256, 2496, 24, 6, packQ5K, weightsQ5K},
	gguf.Q6_K: {"q6k", 210, in256, 2848, 6, 6, packQ6K, weightsQ6K},
	gguf.Q8_0: {"q8", 34, in32, 0, 0, 0, packQ8, weightsQ8},
	gguf.Q4_0: {"q4", 18, in32, 0, 0, 0, packQ4, weightsQ4},
	gguf.F32:  {"f32", 4, asFloats, 0, 6, 6, nil, weightsF32},
	gguf.F16:  {"f16", 2, asFloats, 0, 6, 6, nil, weightsF16},
	gguf.BF16: {"bf16", 2, asFloats, 0, 6, 6, nil, weightsBF16},
}

// weights holds a block of one row, as the kernels see it: weight i is scale*(scales[i/16]*q[i]) - min*mins[i/32].
type weights struct {
	scale, min float32
	scales     [16]int32
	mins       [8]int32
	q          [256]int32
}

var order = binary.LittleEndian

func get32(b []byte, i int) uint32    { return order.Uint32(b[4*i:]) }
func put32(b []byte, i int, v uint32) { order.PutUint32(b[4*i:], v) }

// lowNibbles and the others are masks for the 4 bytes of a word.
const (
	lowNibbles  = 0x0f0f0f0f
	highNibbles = 0xf0f0f0f0
	lowPairs    = 0x03030303
	lowBits     = 0x01010101
	highBits    = 0x80808080
)

// scaleAndMin unpacks the scale and the minimum of part s from the 12 bytes of Q4_K and Q5_K.
func scaleAndMin(b []byte, s int) (scale, min byte) {
	if s < 4 {
		return b[s] & 63, b[s+4] & 63
	}
	return b[s+4]&15 | b[s-4]>>6<<4, b[s+4]>>4 | b[s]>>6<<4
}

// packK packs the beginning of a block of Q4_K or Q5_K: its scales and minima.
func packK(to, from []byte, rows, row int) {
	copy(to[2*row:], from[:2])
	copy(to[minimaK*rows+2*row:], from[2:4])
	for s := range 8 {
		scale, min := scaleAndMin(from[4:16], s)
		to[(scalesK+s)*rows+row] = scale
		to[(minsK+2*(s/2))*rows+2*row+s%2] = min
	}
}

// packNibbles packs the 4-bit weights of 8 parts. from has 32 bytes for each pair of parts. Byte i holds column i of both parts. part
// is the number of bytes that a packed part takes for each row.
func packNibbles(to, from []byte, rows, row, part int) {
	for pair := range 4 {
		b := from[32*pair : 32*pair+32]
		low, high := to[2*pair*part*rows:], to[(2*pair+1)*part*rows:]
		for j := range 4 {
			a, c := get32(b, j), get32(b, j+4)
			put32(low, rows*j+row, a&lowNibbles|c&lowNibbles<<4)
			put32(high, rows*j+row, a>>4&lowNibbles|c&highNibbles)
		}
	}
}

func packQ4K(to, from []byte, level Level, row int) {
	rows := level.rows()
	packK(to, from, rows, row)
	packNibbles(to[partsK*rows:], from[16:144], rows, row, 4*vector)
}

func packQ5K(to, from []byte, level Level, row int) {
	rows := level.rows()
	packK(to, from, rows, row)
	packNibbles(to[partsK*rows:], from[48:176], rows, row, 5*vector)
	high := from[16:48]
	for s := range 8 {
		v := uint32(0)
		for j := range 8 {
			v |= get32(high, j) >> s & lowBits << j
		}
		put32(to[(partsK+5*vector*s+4*vector)*rows:], row, v)
	}
}

func packQ6K(to, from []byte, level Level, row int) {
	rows := level.rows()
	low, high, scales := from[:128], from[128:192], from[192:208]
	copy(to[2*row:], from[208:210])
	for s := range 8 {
		to[(scales6+2*s)*rows+2*row], to[(scales6+2*s)*rows+2*row+1] = scales[2*s], scales[2*s+1]
		l, h := low[64*(s/4)+32*(s%2):], high[32*(s/4):]
		shift := s % 4 / 2 * 4
		for half := range 2 {
			var v [4]uint32
			for j := range v {
				v[j] = get32(l, 4*half+j)>>shift&lowNibbles | get32(h, 4*half+j)>>(s%4*2)&lowPairs<<4
			}
			part := to[(parts6+6*vector*s+3*vector*half)*rows:]
			for j := range 3 {
				put32(part, rows*j+row, v[j]|v[3]>>(2*j)&lowPairs<<6)
			}
		}
	}
}

func packQ8(to, from []byte, level Level, row int) {
	rows, flip := level.rows(), uint32(0)
	if level == VNNI {
		flip = highBits
	}
	copy(to[2*row:], from[:2])
	for j := range 8 {
		put32(to[partsS*rows:], rows*j+row, get32(from[2:34], j)^flip)
	}
}

func packQ4(to, from []byte, level Level, row int) {
	rows := level.rows()
	copy(to[2*row:], from[:2])
	for j := range 4 {
		put32(to[partsS*rows:], rows*j+row, get32(from[2:18], j))
	}
}

// packFloats packs rows of rowBytes bytes into a group of rows rows. A float has size bytes, 2 or 4.
func packFloats(to, from []byte, rowBytes, rows, size int) {
	n := len(from) / rowBytes
	for row := 0; row < n; {
		switch rest := from[row*rowBytes:]; {
		case size == 4:
			for i := range rowBytes / 4 {
				put32(to, rows*i+row, get32(rest, i))
			}
			row++
		case n-row >= 4:
			packHalves(to[2*row:], rest[:4*rowBytes], rowBytes, rows)
			row += 4
		default:
			for i := range rowBytes / 2 {
				order.PutUint16(to[2*(rows*i+row):], order.Uint16(rest[2*i:]))
			}
			row++
		}
	}
}

// packHalves packs 4 rows of floats of 2 bytes, 4 columns at a time.
func packHalves(to, from []byte, rowBytes, rows int) {
	const even, low = 0x0000ffff_0000ffff, 0xffffffff
	r0, r1, r2, r3 := from[:rowBytes], from[rowBytes:2*rowBytes], from[2*rowBytes:3*rowBytes], from[3*rowBytes:]
	at := 0
	for ; at+8 <= rowBytes; at += 8 {
		a, b, c, d := order.Uint64(r0[at:]), order.Uint64(r1[at:]), order.Uint64(r2[at:]), order.Uint64(r3[at:])
		evenAB, oddAB := a&even|b&even<<16, a>>16&even|b&^even
		evenCD, oddCD := c&even|d&even<<16, c>>16&even|d&^even
		column := to[at*rows:]
		order.PutUint64(column, evenAB&low|evenCD<<32)
		order.PutUint64(column[2*rows:], oddAB&low|oddCD<<32)
		order.PutUint64(column[4*rows:], evenAB>>32|evenCD&^low)
		order.PutUint64(column[6*rows:], oddAB>>32|oddCD&^low)
	}
	for ; at < rowBytes; at += 2 {
		for i, row := range [][]byte{r0, r1, r2, r3} {
			copy(to[at*rows+2*i:], row[at:at+2])
		}
	}
}

func half(b []byte, i int) float32 { return float.F16ToF32(order.Uint16(b[2*i:])) }

func weightsK(b []byte, rows, row, part int) weights {
	w := weights{scale: half(b, row), min: half(b[minimaK*rows:], row)}
	for s := range 8 {
		w.scales[2*s] = int32(b[(scalesK+s)*rows+row])
		w.scales[2*s+1] = w.scales[2*s]
		w.mins[s] = int32(b[(minsK+2*(s/2))*rows+2*row+s%2])
		nibbles(b[(partsK+part*s)*rows:], rows, row, w.q[32*s:])
	}
	return w
}

// nibbles unpacks a part of 4-bit weights.
func nibbles(part []byte, rows, row int, q []int32) {
	for i := range 16 {
		v := part[vector*(i/4)*rows+4*row+i%4]
		q[i], q[16+i] = int32(v&15), int32(v>>4)
	}
}

func weightsQ4K(b []byte, level Level, row int) weights {
	return weightsK(b, level.rows(), row, 4*vector)
}

func weightsQ5K(b []byte, level Level, row int) weights {
	rows := level.rows()
	w := weightsK(b, rows, row, 5*vector)
	for i := range w.q {
		v := b[(partsK+5*vector*(i/32)+4*vector)*rows+4*row+i%4]
		w.q[i] |= int32(v>>(i%32/4)&1) << 4
	}
	return w
}

func weightsQ6K(b []byte, level Level, row int) weights {
	rows := level.rows()
	w := weights{scale: half(b, row)}
	for s := range 16 {
		w.scales[s] = int32(int8(b[(scales6+2*(s/2))*rows+2*row+s%2]))
		part := b[(parts6+3*vector*s)*rows:]
		for i := range 12 {
			w.q[16*s+i] = int32(part[vector*(i/4)*rows+4*row+i%4]&63) - 32
		}
		for i := range 4 {
			v := int32(0)
			for j := range 3 {
				v |= int32(part[vector*j*rows+4*row+i]>>6) << (2 * j)
			}
			w.q[16*s+12+i] = v - 32
		}
	}
	return w
}

func weightsQ8(b []byte, level Level, row int) weights {
	rows := level.rows()
	w := weights{scale: half(b, row), scales: [16]int32{1, 1}}
	for i := range 32 {
		v := b[(partsS+vector*(i/4))*rows+4*row+i%4]
		if w.q[i] = int32(int8(v)); level == VNNI {
			w.q[i] = int32(v) - 128
		}
	}
	return w
}

func weightsQ4(b []byte, level Level, row int) weights {
	rows := level.rows()
	w := weights{scale: half(b, row), scales: [16]int32{1, 1}}
	nibbles(b[partsS*rows:], rows, row, w.q[:])
	for i := range 32 {
		w.q[i] -= 8
	}
	return w
}

// oneWeight is a block of one weight.
func oneWeight(f float32) weights {
	return weights{scale: f, scales: [16]int32{1}, q: [256]int32{1}}
}

func weightsF32(b []byte, _ Level, row int) weights {
	return oneWeight(math.Float32frombits(get32(b, row)))
}
func weightsF16(b []byte, _ Level, row int) weights { return oneWeight(half(b, row)) }
func weightsBF16(b []byte, _ Level, row int) weights {
	return oneWeight(math.Float32frombits(uint32(order.Uint16(b[2*row:])) << 16))
}
