package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// roundPlain rounds a block of values as the kernel does. It returns the scale and the bytes.
func roundPlain(values []float32) (scale float32, q []int32) {
	q = make([]int32, len(values))
	most := float32(0)
	for _, v := range values {
		if !float.Finite(v) {
			return float32(math.NaN()), q
		}
		most = max(most, float32(math.Abs(float64(v))))
	}
	if most < 0x1p-115 {
		return 0, q
	}
	inverse := 127 / most
	for i, v := range values {
		q[i] = int32(math.RoundToEven(float64(v * inverse)))
	}
	return most / 127, q
}

// fma returns a*b + c. It rounds to float64 and then to float32. The result differs from rounding once only if the float64 number is
// halfway between two float32 numbers.
func fma(a, b, c float32) float32 {
	return float32(math.FMA(float64(a), float64(b), float64(c)))
}

// multiplyPlain does the same as Multiply in plain Go. It computes with floats in the same order.
func (m *Matrix) multiplyPlain(x []float32) []float32 {
	columns, values := len(x)/int(m.in), int(m.typ.BlockSize())
	y, odd := make([]float32, int(m.out)*columns), make([]float32, columns)
	type rounded struct {
		scale float32
		q     []int32
	}
	var blocks []rounded // of all columns
	if m.layout.columns != asFloats {
		for at := 0; at < len(x); at += values {
			scale, q := roundPlain(x[at : at+values])
			blocks = append(blocks, rounded{scale, q})
		}
	}
	for o := range m.out {
		clear(odd)
		for b := range m.blocks() {
			w := m.weights(o, b)
			for c := range columns {
				sum := &y[c*int(m.out)+int(o)]
				if m.layout.columns == asFloats {
					if b%2 == 1 {
						sum = &odd[c]
					}
					*sum = fma(w.scale, x[c*int(m.in)+int(b)], *sum)
					continue
				}
				block := blocks[c*int(m.blocks())+int(b)]
				products, mins := w.sums(block.q)
				if m.layout.columns == in32 {
					*sum = fma(float32(products), w.scale*block.scale, *sum)
					continue
				}
				*sum = fma(block.scale, fma(-w.min, float32(mins), w.scale*float32(products)), *sum)
			}
		}
		for c, v := range odd {
			y[c*int(m.out)+int(o)] += v
		}
	}
	return y
}

// weights returns the weights of a block of row o.
func (m *Matrix) weights(o, block int64) weights {
	at := o/m.rows()*m.groupBytes() + block*m.blockBytes()
	return m.layout.weights(m.data[at:at+m.blockBytes()], m.level, int(o%m.rows()))
}

// sums returns two sums for a rounded block q. products is the sum of w.q times q, each half of a part times its scale. mins is the
// sum of q, each part times its minimum.
func (w *weights) sums(q []int32) (products, mins int32) {
	for part := 0; part < len(q); part += 16 {
		sum, all := int32(0), int32(0)
		for i, v := range q[part : part+16] {
			sum += w.q[part+i] * v
			all += v
		}
		products += w.scales[part/16] * sum
		mins += w.mins[part/32] * all
	}
	return products, mins
}

// Check tests the kernels of a level and a type on this processor. It multiplies a small matrix with every tile, and returns an error
// if a result differs from that of plain Go.
func Check(level Level, typ gguf.Type) error {
	in := 2 * typ.BlockSize()
	if in < 8 {
		in = 33
	}
	m, rows, err := randomMatrix(level, typ, in, int64(level.rows()), rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		return err
	}
	if err := m.Pack(0, rows); err != nil {
		return err
	}
	const different = 7
	columns := max(8, int(m.layout.wideFrom)) // of a wide tile
	x := make([]float32, different*int(in))
	for i := range x {
		x[i] = float32(i*7%64-31) / 8
	}
	want := m.multiplyPlain(x)
	all, err := m.multiply(slices.Repeat(x, columns/different+1), 1, 2, 3, 4, int64(columns))
	if err != nil {
		return err
	}
	for _, got := range all {
		for i, g := range got {
			w := want[i%len(want)]
			if d := math.Abs(float64(g - w)); !(d <= 1e-5*(1+math.Abs(float64(w)))) {
				return fmt.Errorf("kernels: level %s, %s, %d columns: result %d is %g, want %g", level, typ, int64(len(got))/m.out, i, g, w)
			}
		}
	}
	return nil
}

// randomMatrix returns a matrix of zeros, and rows to pack into it. The rows are random bytes. Their scales are finite and small.
func randomMatrix(level Level, typ gguf.Type, in, out int64, rng *rand.Rand) (*Matrix, []byte, error) {
	size, _ := Size(level, typ, in, out)
	m, err := NewMatrix(level, typ, in, out, make([]byte, size))
	if err != nil {
		return nil, nil, err
	}
	rows := make([]byte, out*m.blocks()*typ.BlockBytes())
	for i := range rows {
		rows[i] = byte(rng.Uint32())
	}
	f16 := func(at int) { order.PutUint16(rows[at:], 0x1800|uint16(rng.Uint32()&0x87ff)) } // of magnitude 0.002 to 0.008
	for at := 0; at < len(rows); at += int(typ.BlockBytes()) {
		switch typ {
		case gguf.Q4_K, gguf.Q5_K:
			f16(at)
			f16(at + 2)
		case gguf.Q6_K:
			f16(at + 208)
		case gguf.Q8_0, gguf.Q4_0, gguf.F16:
			f16(at)
		case gguf.BF16:
			order.PutUint16(rows[at:], uint16(math.Float32bits(rng.Float32()-0.5)>>16))
		case gguf.F32:
			put32(rows[at:], 0, math.Float32bits(rng.Float32()-0.5))
		}
	}
	return m, rows, nil
}
