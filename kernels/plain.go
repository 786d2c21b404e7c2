package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// roundPlain rounds a block of values as the kernel does: the scale and the bytes.
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

// fma is a*b + c, rounded once but for numbers halfway between two.
func fma(a, b, c float32) float32 {
	return float32(math.FMA(float64(a), float64(b), float64(c)))
}

// multiplyPlain is Multiply in plain Go, with the operations on floats in the same order.
func (m *Matrix) multiplyPlain(x []float32) []float32 {
	columns := len(x) / int(m.in)
	y := make([]float32, int(m.out)*columns)
	for c := range columns {
		column := x[c*int(m.in):][:m.in]
		for o := range m.out {
			y[c*int(m.out)+int(o)] = m.dot(o, column)
		}
	}
	return y
}

// dot is the product of row o with a column.
func (m *Matrix) dot(o int64, column []float32) float32 {
	var sum [2]float32
	values := m.typ.BlockSize()
	for b := range m.blocks() {
		block := m.data[o/m.rows()*m.groupBytes()+b*m.blockBytes():][:m.blockBytes()]
		w, x := m.layout.weights(block, m.level, int(o%m.rows())), column[b*values:(b+1)*values]
		switch m.layout.columns {
		case asFloats:
			sum[b%2] = fma(w.scale, x[0], sum[b%2])
		case in32:
			scale, q := roundPlain(x)
			products, _ := w.sums(q)
			sum[0] = fma(float32(products), w.scale*scale, sum[0])
		default:
			scale, q := roundPlain(x)
			products, mins := w.sums(q)
			sum[0] = fma(scale, fma(-w.min, float32(mins), w.scale*float32(products)), sum[0])
		}
	}
	return sum[0] + sum[1]
}

// sums are the sum of all products with a rounded block, times the scales of parts, and the sum of its parts times their minima.
func (w *weights) sums(q []int32) (products, mins int32) {
	for i, v := range q {
		products += w.scales[i/16] * w.q[i] * v
		mins += w.mins[i/32] * v
	}
	return products, mins
}

// Check multiplies a small matrix of the type with every tile of the level, and returns an error if a result is not that of plain Go.
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
	columns := max(8, int(m.layout.wideFrom)) // of a wide tile
	x := make([]float32, columns*int(in))
	for i := range x {
		x[i] = float32(i*7%64-31) / 8
	}
	want := m.multiplyPlain(x)
	for _, n := range []int{1, 2, 3, 4, columns} {
		got, err := m.Multiply(x[:n*int(in)])
		if err != nil {
			return err
		}
		for i, g := range got {
			if d := math.Abs(float64(g - want[i])); !(d <= 1e-5*(1+math.Abs(float64(want[i])))) {
				return fmt.Errorf("kernels: level %s, %s, %d columns: result %d is %g, want %g", level, typ, n, i, g, want[i])
			}
		}
	}
	return nil
}

// randomMatrix is a matrix with no rows packed yet, and the rows: random bytes, with scales about one.
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
