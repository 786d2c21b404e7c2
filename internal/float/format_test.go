package float_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/float"
)

func TestAFormatGivesBackWhatItWrote(t *testing.T) {
	x := []float32{0, -1.5, 65504, float32(math.Inf(-1)), 0.25}
	for name, f := range map[string]float.Format{"F32": float.F32, "F16": float.F16, "BF16": float.BF16, "F64": float.F64} {
		t.Run(name, func(t *testing.T) {
			data, back := make([]byte, len(x)*f.Size()), make([]float32, len(x))
			want := x
			if f == float.BF16 {
				want = []float32{0, -1.5, 65536, float32(math.Inf(-1)), 0.25}
			}
			f.Encode(data, x)
			f.Decode(back, data)
			assert.Equal(t, want, back)
		})
	}
	assert.Zero(t, float.Format(0).Size())
	assert.Panics(t, func() { float.Format(0).Decode(nil, nil) })
	assert.Panics(t, func() { float.Format(0).Encode(nil, nil) })
}

func TestTheFirstNumberOfAFileThatIsNotFiniteIsFound(t *testing.T) {
	for name, f := range map[string]float.Format{"F32": float.F32, "F16": float.F16, "BF16": float.BF16, "F64": float.F64} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{0, 1, 3, 8, 255, 256, 257, 600} {
				x := make([]float32, n)
				for i := range x {
					x[i] = []float32{0, -1, 65504, -0x1p-14}[i%4]
				}
				data := make([]byte, n*f.Size())
				f.Encode(data, x)
				require.Equal(t, -1, f.FirstNotFinite(data))
				for _, i := range []int{0, n / 3, n / 2, n - 1} {
					for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
						if i < 0 || i >= n {
							continue
						}
						x[i] = float32(bad)
						f.Encode(data, x)
						require.Equal(t, i, f.FirstNotFinite(data), "%d numbers", n)
						x[i] = 1
					}
				}
			}
		})
	}
}

func TestAnF64BeyondFloat32IsFinite(t *testing.T) {
	data := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))
	assert.Equal(t, -1, float.F64.FirstNotFinite(data))
	assert.True(t, float.Finite(1e300))
	assert.False(t, float.Finite(float32(math.NaN())))
}
