package float

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nearest rounds f, with arbitrary-precision arithmetic, to a number with mantissa bits of mantissa. The last bit is worth at
// least 2^least. From limit on it returns infinity.
func nearest(f float32, mantissa uint, least int, limit float64) float64 {
	x := new(big.Float).SetFloat64(float64(f))
	if f == 0 {
		return float64(f)
	}
	// In units of the last place, the number is rounded to an integer.
	unit := max(x.MantExp(nil)-int(mantissa), least)
	scaled := new(big.Float).SetPrec(200).SetMantExp(x, -unit)
	half := new(big.Float).SetPrec(200).SetFloat64(math.Copysign(0.5, float64(f)))
	n, _ := new(big.Float).SetPrec(200).Add(scaled, half).Int(nil)
	tie := new(big.Float).SetPrec(200).Sub(new(big.Float).SetInt(n), scaled)
	if tie.Abs(tie).Cmp(big.NewFloat(0.5)) == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(int64(math.Copysign(1, float64(f)))))
	}
	r, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(n), unit).Float64()
	if math.Abs(r) >= limit {
		r = math.Inf(int(math.Copysign(1, r)))
	}
	return math.Copysign(r, float64(f))
}

func TestTheFirstNumberThatIsNotFiniteIsFound(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for n := range 12 {
			x := make([]float32, n)
			for i := range x {
				x[i] = []float32{0, -1, math.MaxFloat32, -math.SmallestNonzeroFloat32}[i%4]
			}
			require.Equal(t, -1, FirstNotFinite(x))
			for i := range x {
				x[i] = float32(bad)
				require.Equal(t, i, FirstNotFinite(x))
				x[i] = 1
			}
		}
	}
}

func TestEveryHalfConvertsExactly(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := F16ToF32(h)
		sign, exponent, mantissa := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
		switch {
		case exponent == 31 && mantissa == 0:
			require.Equal(t, float32(math.Inf(int(sign))), f, "%04x", h)
		case exponent == 31:
			require.True(t, f != f, "%04x", h)
			require.Equal(t, h|0x200, F32ToF16(f), "the NaN %04x", h)
			continue
		case exponent == 0:
			require.Equal(t, math.Float32bits(float32(math.Copysign(mantissa*0x1p-24, sign))), math.Float32bits(f), "%04x", h)
		default:
			require.Equal(t, float32(sign*math.Ldexp(1+mantissa/1024, exponent-15)), f, "%04x", h)
		}
		require.Equal(t, h, F32ToF16(f), "%04x and back", h)
	}
}

func TestEveryBFloat16ComesBack(t *testing.T) {
	for i := range 1 << 16 {
		b := uint16(i)
		want := b
		if b&0x7fff > 0x7f80 {
			want |= 0x40
		}
		require.Equal(t, want, F32ToBF16(bf16ToF32(b)), "%04x", b)
	}
}

// samples returns numbers that are easy to round wrongly: the neighbors of every half and of every midpoint between two, and
// random bits.
func samples() []float32 {
	var s []float32
	for h := range uint16(0x7c00) {
		low, high := F16ToF32(h), F16ToF32(h+1)
		if h == 0x7bff {
			high = 0x1p16
		}
		middle := low + (high-low)/2
		s = append(s, low, middle, math.Nextafter32(middle, 0), math.Nextafter32(middle, high), -middle)
	}
	random := rand.New(rand.NewPCG(1, 2))
	many := 200_000
	if testing.Short() {
		many = 2_000
	}
	for range many {
		if f := math.Float32frombits(random.Uint32()); f == f && !math.IsInf(float64(f), 0) {
			s = append(s, f, float32(random.NormFloat64()))
		}
	}
	return s
}

func TestRoundingIsToTheNearestEven(t *testing.T) {
	for _, f := range samples() {
		require.Equal(t, math.Float32bits(float32(nearest(f, 11, -24, 0x1p16))), math.Float32bits(F16ToF32(F32ToF16(f))),
			"half of %x", math.Float32bits(f))
		require.Equal(t, math.Float32bits(float32(nearest(f, 8, -133, 0x1p128))), math.Float32bits(bf16ToF32(F32ToBF16(f))),
			"bfloat16 of %x", math.Float32bits(f))
	}
}

func TestSpecialNumbers(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, tc := range map[string]struct {
		f         float32
		half, b16 uint16
	}{
		"zero":                                  {0, 0, 0},
		"minus zero":                            {float32(math.Copysign(0, -1)), 0x8000, 0x8000},
		"infinity":                              {inf, 0x7c00, 0x7f80},
		"minus infinity":                        {-inf, 0xfc00, 0xff80},
		"a quiet NaN":                           {nan, 0x7e00, 0x7fc0},
		"a NaN whose upper payload is empty":    {math.Float32frombits(0xff800001), 0xfe00, 0xffc0},
		"the largest half":                      {65504, 0x7bff, 0x4780},
		"the last number that rounds to it":     {math.Nextafter32(65520, 0), 0x7bff, 0x4780},
		"the first that does not":               {65520, 0x7c00, 0x4780},
		"half of the smallest half":             {0x1p-25, 0, 0x3300},
		"a little more than that":               {math.Nextafter32(0x1p-25, 1), 1, 0x3300},
		"the largest float32":                   {math.MaxFloat32, 0x7c00, 0x7f80},
		"the smallest float32":                  {math.SmallestNonzeroFloat32, 0, 0},
		"a subnormal that becomes a normal one": {math.Nextafter32(0x1p-14, 0), 0x0400, 0x3880},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.half, F32ToF16(tc.f))
			assert.Equal(t, tc.b16, F32ToBF16(tc.f))
		})
	}
}

func TestSlicesConvertAsSingleNumbersDo(t *testing.T) {
	bytes := make([]byte, 2<<16)
	for i := range 1 << 16 {
		le.PutUint16(bytes[2*i:], uint16(i))
	}
	floats, back, halves := make([]float32, 1<<16), make([]byte, 4<<16), make([]byte, 2<<16)

	DecodeF16(floats, bytes)
	EncodeF16(back, floats)
	for i, f := range floats {
		require.Equal(t, math.Float32bits(F16ToF32(uint16(i))), math.Float32bits(f))
		require.Equal(t, F32ToF16(f), le.Uint16(back[2*i:]))
	}
	DecodeBF16(floats, bytes)
	EncodeBF16(back, floats)
	BF16ToF16Bytes(halves, bytes)
	for i, f := range floats {
		require.Equal(t, math.Float32bits(bf16ToF32(uint16(i))), math.Float32bits(f))
		require.Equal(t, F32ToBF16(f), le.Uint16(back[2*i:]))
		require.Equal(t, F32ToF16(f), le.Uint16(halves[2*i:]))
	}
	EncodeF32(back, floats)
	again := make([]float32, 1<<16)
	DecodeF32(again, back)
	for i, f := range floats {
		require.Equal(t, math.Float32bits(f), math.Float32bits(again[i]))
	}
}

func TestASideThatIsTooShortPanicsBeforeAnythingIsWritten(t *testing.T) {
	dst := []float32{1, 2}
	assert.Panics(t, func() { DecodeF16(dst, make([]byte, 3)) })
	assert.Equal(t, []float32{1, 2}, dst)
	assert.Panics(t, func() { EncodeF32(make([]byte, 7), dst) })
}

func TestBF16ToF16BytesOfAnyLength(t *testing.T) {
	src := []byte{0x80, 0x3f, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40, 0xa0, 0x40, 0xc0, 0x40, 0xe0, 0x40} // 1 to 7
	want := []byte{0x00, 0x3c, 0x00, 0x40, 0x00, 0x42, 0x00, 0x44, 0x00, 0x45, 0x00, 0x46, 0x00, 0x47}
	for n := 0; n <= len(src); n += 2 {
		dst := make([]byte, len(src))
		BF16ToF16Bytes(dst, src[:n])
		assert.Equal(t, want[:n], dst[:n])
		assert.Equal(t, make([]byte, len(src)-n), dst[n:], "the rest is left alone")
	}
}

func BenchmarkSlices(b *testing.B) {
	const n = 1 << 16
	floats, bytes, out := make([]float32, n), make([]byte, 4*n), make([]byte, 4*n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range floats {
		floats[i] = float32(random.NormFloat64())
	}
	EncodeBF16(bytes, floats)
	for name, run := range map[string]func(){
		"DecodeF32":      func() { DecodeF32(floats, out) },
		"DecodeF16":      func() { DecodeF16(floats, bytes) },
		"DecodeBF16":     func() { DecodeBF16(floats, bytes) },
		"EncodeF32":      func() { EncodeF32(out, floats) },
		"EncodeF16":      func() { EncodeF16(out, floats) },
		"EncodeBF16":     func() { EncodeBF16(out, floats) },
		"BF16ToF16Bytes": func() { BF16ToF16Bytes(out, bytes[:2*n]) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(2 * n) // in the weight format of most checkpoints
			for b.Loop() {
				run()
			}
		})
	}
}
