package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/pages"
)

var allTypes = []gguf.Type{gguf.Q4_K, gguf.Q5_K, gguf.Q6_K, gguf.Q8_0, gguf.Q4_0, gguf.F16, gguf.BF16, gguf.F32}

// eachKernel runs a test with every type, on every level that the processor has.
func eachKernel(t *testing.T, test func(t *testing.T, level Level, typ gguf.Type)) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for level := AVX2; level <= Best(); level++ {
		for _, typ := range allTypes {
			t.Run(level.String()+" "+typ.String(), func(t *testing.T) { test(t, level, typ) })
		}
	}
}

// packed is a random matrix.
func packed(t testing.TB, level Level, typ gguf.Type, in, out int64) *Matrix {
	m, rows, err := randomMatrix(level, typ, in, out, rand.New(rand.NewPCG(uint64(in), uint64(out))))
	require.NoError(t, err)
	require.NoError(t, m.Pack(0, rows))
	return m
}

func normal(n int64) []float32 {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestCheck(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) { require.NoError(t, Check(level, typ)) })
}

func TestCheckFindsAWrongKernel(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for _, name := range []string{"q4k1", "q4k2", "q4k3", "q4k4", "q4kwide", "q4kunpack"} {
		right := functions[name]
		functions[name] = functions["q6k"+name[3:]]
		err := Check(AVX2, gguf.Q4_K)
		functions[name] = right
		require.ErrorContains(t, err, "level avx2, Q4_K", name)
	}
}

// lengths are rows' lengths that a type allows.
func lengths(typ gguf.Type) []int64 {
	if testing.Short() {
		return []int64{typ.BlockSize(), 3 * typ.BlockSize()}
	}
	switch typ.BlockSize() {
	case 256:
		return []int64{256, 768, 2560}
	case 32:
		return []int64{32, 64, 96, 256, 768, 2560}
	}
	return []int64{1, 2, 31, 32, 64, 255, 768, 2560}
}

// wide computes an element of a product in float64, with the column rounded as the type wants, and the sum of all terms' sizes.
func (m *Matrix) wide(o int64, column []float32) (sum, size float64) {
	values := m.typ.BlockSize()
	for b := range m.blocks() {
		w := m.weights(o, b)
		x := column[b*values : (b+1)*values]
		scale, q := float64(1), []int32(nil)
		if m.layout.columns != asFloats {
			s, rounded := roundPlain(x)
			scale, q = float64(s), rounded
		}
		for i := range x {
			v := float64(x[i])
			if q != nil {
				v = scale * float64(q[i])
			}
			high, low := float64(w.scale)*float64(w.scales[i/16]*w.q[i])*v, float64(w.min)*float64(w.mins[i/32])*v
			sum += high - low
			size += math.Abs(high) + math.Abs(low)
		}
	}
	return sum, size
}

var columnCounts = []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 63, 64, 65, 67, 130}

// Every result is that of float64 within the rounding of its sums in float32, and the same bits whatever the number of columns.
func TestProducts(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		for _, in := range lengths(typ) {
			for _, out := range []int64{1, 7, 8, 9, 15, 16, 17, 1000} {
				if out == 1000 && in != 768 {
					continue
				}
				m := packed(t, level, typ, in, out)
				x := normal(in * 130)
				all, err := m.Multiply(x)
				require.NoError(t, err)
				for _, c := range []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 129} {
					for o := c % 3; o < out; o += 1 + out/8 {
						want, size := m.wide(o, x[c*in:(c+1)*in])
						roundings := float64(m.blocks()) + 4
						require.InDelta(t, want, float64(all[c*out+o]), roundings*0x1p-24*size, "[%d %d], row %d, column %d", in, out, o, c)
					}
				}
				for _, n := range columnCounts {
					got, err := m.Multiply(x[:n*in])
					require.NoError(t, err)
					require.True(t, slices.Equal(all[:n*out], got), "[%d %d], %d columns differ from the same among others", in, out, n)
				}
			}
		}
	})
}

// Plain Go gives the same bits, but for sums that are halfway between two numbers.
func TestPlainGoAgrees(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		m := packed(t, level, typ, lengths(typ)[1], 33)
		x := normal(9 * m.in)
		got, err := m.Multiply(x)
		require.NoError(t, err)
		differ := 0
		for i, want := range m.multiplyPlain(x) {
			if want != got[i] {
				differ++
			}
		}
		require.Less(t, differ, len(got)/20)
	})
}

// The threads share a call's pieces, and its counters are zero afterwards.
func TestThreads(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		m := packed(t, level, typ, 768, 200)
		const columns = 70
		x := normal(columns * m.in)
		want, err := m.Multiply(x)
		require.NoError(t, err)
		for _, threads := range []int{1, 2, 3, 8} {
			got := make([]float32, len(want))
			calls := NewCalls(threads)
			defer calls.Close()
			in := unsafe.Pointer(&x[0])
			var list []*Call
			if n := m.ColumnBytes(); n > 0 {
				rounded, err := pages.Alloc(n * columns)
				require.NoError(t, err)
				defer rounded.Free()
				r, err := calls.Rounding(m, columns)
				require.NoError(t, err)
				require.NoError(t, r.Place(address(rounded.Bytes()), uintptr(in)))
				list, in = append(list, r), unsafe.Pointer(&rounded.Bytes()[0])
			}
			p, err := calls.Product(m, columns)
			require.NoError(t, err)
			require.NoError(t, p.Place(uintptr(unsafe.Pointer(&got[0])), uintptr(in)))
			for range 3 {
				clear(got)
				for _, c := range append(list, p) {
					var wait sync.WaitGroup
					for i := range threads {
						wait.Go(func() { c.run(i) })
					}
					wait.Wait()
				}
				require.True(t, slices.Equal(want, got), "%d threads", threads)
				done := (*product)(p.Pointer())
				require.Zero(t, done.next)
				require.Zero(t, done.left)
			}
		}
	})
}

// Values that are not finite make their column's results NaN, and no others.
func TestNotFinite(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		m := packed(t, level, typ, 768, 24)
		clean, err := m.Multiply(normal(3 * m.in))
		require.NoError(t, err)
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for _, at := range []int64{0, 300, 767} {
				x := normal(3 * m.in)
				x[m.in+at] = float32(v)
				y, err := m.Multiply(x)
				require.NoError(t, err)
				for i, g := range y {
					if int64(i)/m.out == 1 {
						require.True(t, math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) && m.layout.columns == asFloats, "%g at %d: result %d is %g", v, at, i, g)
						continue
					}
					require.Equal(t, clean[i], g)
				}
			}
		}
	})
}

// Columns of one size only, and very small ones.
func TestExtremeColumns(t *testing.T) {
	eachKernel(t, func(t *testing.T, level Level, typ gguf.Type) {
		m := packed(t, level, typ, 512, 16)
		for _, v := range []float32{0, 1, -1, 127, -128, 0x1p-120, -0x1p-140, 0x1p100} {
			x := slices.Repeat([]float32{v}, int(m.in))
			y, err := m.Multiply(x)
			require.NoError(t, err)
			for o, g := range y {
				want, size := m.wide(int64(o), x)
				assert.InDelta(t, want, float64(g), (float64(m.blocks())+4)*0x1p-24*size+0x1p-126, "%g, row %d", v, o)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	for name, tc := range map[string]struct {
		level   Level
		typ     gguf.Type
		in, out int64
	}{
		"no level":        {None, gguf.Q4_K, 256, 8},
		"no kernel":       {AVX2, gguf.IQ4_XS, 256, 8},
		"half a block":    {AVX2, gguf.Q4_K, 128, 8},
		"no rows":         {AVX2, gguf.Q4_K, 256, 0},
		"less than none":  {AVX2, gguf.F32, -1, 8},
		"too many bytes":  {AVX2, gguf.F32, math.MaxInt64 / 8, 8},
		"too many bytes ": {AVX2, gguf.F32, 1 << 40, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := Size(tc.level, tc.typ, tc.in, tc.out)
			require.False(t, ok)
			_, err := NewMatrix(tc.level, tc.typ, tc.in, tc.out, nil)
			require.ErrorContains(t, err, "kernels: none of level")
		})
	}
	_, err := NewMatrix(AVX2, gguf.Q8_0, 32, 8, make([]byte, 7))
	require.ErrorContains(t, err, "7 bytes for a packed matrix [32, 8] of Q8_0, want 272")
	m := packed(t, AVX2, gguf.Q8_0, 32, 40)
	for _, bad := range []struct {
		first int64
		bytes int
	}{{1, 34 * 16}, {0, 33}, {0, 34 * 41}, {32, 34 * 16}, {-16, 34 * 16}, {0, 34}} {
		require.Error(t, m.Pack(bad.first, make([]byte, bad.bytes)), bad)
	}
	_, err = m.Multiply(make([]float32, 33))
	require.Error(t, err)
	calls := NewCalls(1)
	defer calls.Close()
	for _, columns := range []int64{0, -1, math.MaxInt64} {
		_, err := calls.Product(m, columns)
		require.Error(t, err)
		_, err = calls.Rounding(m, columns)
		require.Error(t, err)
	}
	_, err = calls.Rounding(packed(t, AVX2, gguf.F32, 4, 4), 1)
	require.Error(t, err)
}

// FuzzProducts packs any bytes as a matrix of any type and size. The matrix is refused, or its products are those of plain Go.
func FuzzProducts(f *testing.F) {
	f.Add(uint8(0), uint8(1), uint8(3), uint8(5), []byte("\x01\x18\x01\x18 scales and weights"))
	f.Add(uint8(5), uint8(33), uint8(17), uint8(2), []byte{0, 0x7c, 0, 0xfc, 1, 0, 0, 0x7e})
	f.Fuzz(func(t *testing.T, kind, in, out, columns uint8, data []byte) {
		if Best() == None {
			t.Skip("this processor has no kernels")
		}
		defer fuzzing.Guard(t, 1<<20, 64)()
		level := AVX2 + Level(kind>>7)%Best()
		typ := gguf.Type(kind & 31)
		length := int64(in)
		if typ.BlockSize() == 256 {
			length = int64(in) % 4 * 256
		}
		size, ok := Size(level, typ, length, int64(out))
		if !ok {
			return
		}
		m, err := NewMatrix(level, typ, length, int64(out), make([]byte, size))
		require.NoError(t, err)
		rows := make([]byte, int64(out)*m.blocks()*typ.BlockBytes())
		for i := range rows {
			if len(data) > 0 {
				rows[i] = data[i%len(data)]
			}
		}
		require.NoError(t, m.Pack(0, rows))
		x := normal(length * int64(columns%30+1))
		got, err := m.Multiply(x)
		require.NoError(t, err)
		for i, want := range m.multiplyPlain(x) {
			if math.IsNaN(float64(want)) || math.IsInf(float64(want), 0) {
				require.False(t, got[i] == 0, i)
				continue
			}
			_, sum := m.wide(int64(i)%m.out, x[int64(i)/m.out*length:][:length])
			require.InDelta(t, want, got[i], (float64(m.blocks())+4)*0x1p-23*sum+0x1p-120, i)
		}
	})
}
