package rounding

import (
	"encoding/binary"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// grid describes the blocks of a type (ggml-common.h). An element is scale·level + offset, where each group of elements has its own scale
// and offset, and code + low is the level, or levels[code] if there are levels.
type grid struct {
	group  int // elements that share a scale
	bias   int // of codes in the block: what is stored is the level + bias
	low    int // the lowest level
	high   int // the highest level
	levels []float32
	places []place // where each element of a block keeps its code

	scales func(block []byte, scale, offset []float32) // decodes the scale and the offset of each group
}

// place is where a code is: its low bits, and its high bits if width of high is not 0.
type place struct{ low, high bits }

// bits are width bits of a byte, from shift on.
type bits struct{ at, shift, width int }

// put stores the low bits of v and returns the others.
func (b bits) put(block []byte, v int) int {
	if b.width == 0 {
		return v
	}
	mask := 1<<b.width - 1
	block[b.at] = block[b.at]&^byte(mask<<b.shift) | byte((v&mask)<<b.shift)
	return v >> b.width
}

// put stores the code of element i of a block.
func (g *grid) put(block []byte, i, code int) {
	p := g.places[i]
	p.high.put(block, p.low.put(block, code))
}

// iq4 are the levels of the IQ4 types.
var iq4 = []float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

var grids = map[gguf.Type]*grid{
	gguf.Q4_0:   {group: 32, bias: 8, low: -8, high: 7, places: places(32, halves(2), none), scales: alone},
	gguf.Q4_1:   {group: 32, high: 15, places: places(32, halves(4), none), scales: withMinimum},
	gguf.Q5_0:   {group: 32, bias: 16, low: -16, high: 15, places: places(32, halves(6), bitOf(2)), scales: alone},
	gguf.Q5_1:   {group: 32, high: 31, places: places(32, halves(8), bitOf(4)), scales: withMinimum},
	gguf.Q8_0:   {group: 32, low: -127, high: 127, places: places(32, func(i int) bits { return bits{2 + i, 0, 8} }, none), scales: alone},
	gguf.Q2_K:   {group: 16, high: 3, places: places(256, quarters(16), none), scales: scalesQ2K},
	gguf.Q3_K:   {group: 16, bias: 4, low: -4, high: 3, places: places(256, quarters(32), bitIn(0)), scales: scalesQ3K},
	gguf.Q4_K:   {group: 32, high: 15, places: places(256, pairs(16), none), scales: scalesQ4K},
	gguf.Q5_K:   {group: 32, high: 31, places: places(256, pairs(48), bitIn(16)), scales: scalesQ4K},
	gguf.Q6_K:   {group: 16, bias: 32, low: -32, high: 31, places: places(256, lowQ6K, highQ6K), scales: scalesQ6K},
	gguf.IQ4_NL: {group: 32, levels: iq4, places: places(32, halves(2), none), scales: alone},
	gguf.IQ4_XS: {group: 32, levels: iq4, places: places(256, halves(8), none), scales: scalesIQ4XS},
}

func places(n int, low, high func(i int) bits) []place {
	all := make([]place, n)
	for i := range all {
		all[i] = place{low(i), high(i)}
	}
	return all
}

func none(int) bits { return bits{} }

// halves keeps 32 elements in 16 bytes: the first 16 in the low halves.
func halves(at int) func(int) bits {
	return func(i int) bits { return bits{at + i/32*16 + i%16, i % 32 / 16 * 4, 4} }
}

// pairs keeps 64 elements in 32 bytes: the first 32 in the low halves.
func pairs(at int) func(int) bits {
	return func(i int) bits { return bits{at + i/64*32 + i%32, i % 64 / 32 * 4, 4} }
}

// quarters keeps 128 elements in 32 bytes: the first 32 in the lowest two bits.
func quarters(at int) func(int) bits {
	return func(i int) bits { return bits{at + i/128*32 + i%32, i % 128 / 32 * 2, 2} }
}

// bitOf keeps one bit of each element in the order of the elements.
func bitOf(at int) func(int) bits {
	return func(i int) bits { return bits{at + i/8, i % 8, 1} }
}

// bitIn keeps one bit of 256 elements in 32 bytes: the first 32 in the lowest bits.
func bitIn(at int) func(int) bits {
	return func(i int) bits { return bits{at + i%32, i / 32, 1} }
}

func lowQ6K(i int) bits  { return bits{i/128*64 + i%64, i % 128 / 64 * 4, 4} }
func highQ6K(i int) bits { return bits{128 + i/128*32 + i%32, i % 128 / 32 * 2, 2} }

func half(b []byte) float32 { return float.F16ToF32(binary.LittleEndian.Uint16(b)) }

// alone decodes a block of one scale.
func alone(b []byte, scale, offset []float32) { scale[0], offset[0] = half(b), 0 }

// withMinimum decodes a block of a scale and the value of level 0.
func withMinimum(b []byte, scale, offset []float32) { scale[0], offset[0] = half(b), half(b[2:]) }

func scalesQ2K(b []byte, scale, offset []float32) {
	d, least := half(b[80:]), half(b[82:])
	for g, s := range b[:16] {
		scale[g], offset[g] = d*float32(s&15), -(least * float32(s>>4))
	}
}

func scalesQ3K(b []byte, scale, offset []float32) {
	d, s := half(b[108:]), b[96:108]
	for g := range 16 {
		v := int(s[g%8]>>(g/8*4)&15) | int(s[8+g%4]>>(g/4*2)&3)<<4
		scale[g], offset[g] = d*float32(v-32), 0
	}
}

// scalesQ4K decodes the scales of Q4_K and Q5_K: six bits each for scale and minimum.
func scalesQ4K(b []byte, scale, offset []float32) {
	d, least, s := half(b), half(b[2:]), b[4:16]
	for g := range 8 {
		v, m := s[g%4]&63, s[g%4+4]&63
		if g >= 4 {
			v, m = s[g+4]&15|s[g-4]>>6<<4, s[g+4]>>4|s[g]>>6<<4
		}
		scale[g], offset[g] = d*float32(v), -(least * float32(m))
	}
}

func scalesQ6K(b []byte, scale, offset []float32) {
	d := half(b[208:])
	for g, s := range b[192:208] {
		scale[g], offset[g] = d*float32(int8(s)), 0
	}
}

func scalesIQ4XS(b []byte, scale, offset []float32) {
	d, high := half(b), binary.LittleEndian.Uint16(b[2:])
	for g := range 8 {
		v := int(b[4+g/2]>>(g%2*4)&15) | int(high>>(2*g)&3)<<4
		scale[g], offset[g] = d*float32(v-32), 0
	}
}

// nearest returns the code of the level that is nearest to x, and its value.
func (g *grid) nearest(x, scale, offset float32) (code int, value float32) {
	if scale == 0 {
		return g.bias, offset
	}
	at := (x - offset) / scale
	if g.levels != nil {
		code, _ = slices.BinarySearch(g.levels, at)
		if code == len(g.levels) || code > 0 && at-g.levels[code-1] < g.levels[code]-at {
			code--
		}
		return code, scale * g.levels[code]
	}
	level := float32(g.high)
	if at < level {
		level = max(float32(g.low), floor(at+0.5))
	}
	return int(level) + g.bias, float32(scale*level) + offset
}

// floor is exact for levels, which are small.
func floor(x float32) float32 {
	x = max(x, -1000)
	n := float32(int32(x))
	if n > x {
		n--
	}
	return n
}
