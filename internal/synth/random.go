package synth

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// random is the splitmix64 generator.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seedOf returns the generator for one block of one tensor, so that blocks can be drawn in any order.
func seedOf(seed uint64, tensor, block int) random {
	r := random(seed)
	r = random(r.next() + uint64(tensor))
	r = random(r.next() + uint64(block))
	return random(r.next())
}

// levels is how many different numbers represent the normal distribution. It is small enough for the fastest cache.
const levels = 4096

// normal holds the quantiles of the normal distribution at the middle of each of levels equal parts.
var normal = sync.OnceValue(func() *[levels]float64 {
	var t [levels]float64
	for i := range t {
		p := (float64(i) + 0.5) / levels
		t[i] = math.Sqrt2 * math.Erfinv(2*p-1)
	}
	return &t
})

// fillMatrix fills dst with normally distributed BF16 numbers of standard deviation scale. len(dst) is a multiple of 2.
func fillMatrix(dst []byte, r random, scale float64) {
	var table [levels]uint16
	for i, z := range normal() {
		table[i] = float.F32ToBF16(float32(z * scale))
	}
	for ; len(dst) >= 8; dst = dst[8:] {
		x := r.next()
		binary.LittleEndian.PutUint64(dst, uint64(table[x%levels])|uint64(table[x>>16%levels])<<16|
			uint64(table[x>>32%levels])<<32|uint64(table[x>>48%levels])<<48)
	}
	for x := r.next(); len(dst) >= 2; dst, x = dst[2:], x>>16 {
		binary.LittleEndian.PutUint16(dst, table[x%levels])
	}
}

// fillVector fills dst with a tensor's BF16 elements, beginning with element start.
func fillVector(dst []byte, r random, start int, at func(int, float64) float64) {
	for i := range len(dst) / 2 {
		z := normal()[r.next()%levels]
		binary.LittleEndian.PutUint16(dst[2*i:], float.F32ToBF16(float32(at(start+i, z))))
	}
}
