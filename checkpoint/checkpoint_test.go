package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// numbered is a tensor of n elements, each being its own index modulo 251.
func numbered(dtype checkpoint.DType, n int) checkpoint.Tensor {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i % 251)
	}
	data := make([]byte, int64(n)*dtype.Size())
	dtype.Format().Encode(data, values)
	return checkpoint.Tensor{Name: "w", DType: dtype, Shape: []int64{int64(n)}, Data: bytes.NewReader(data)}
}

func TestReadFloatsAnywhere(t *testing.T) {
	const n = 200_001 // more than one piece of any type
	for _, dtype := range []checkpoint.DType{checkpoint.F32, checkpoint.F16, checkpoint.BF16} {
		t.Run(dtype.String(), func(t *testing.T) {
			tensor := numbered(dtype, n)
			for _, part := range [][2]int{{0, n}, {1, n - 1}, {70_000, 100_003}, {n, 0}} {
				got := make([]float32, part[1])
				require.NoError(t, tensor.ReadFloats(got, int64(part[0])))
				for i, x := range got {
					require.Equal(t, float32((part[0]+i)%251), x, "element %d", part[0]+i)
				}
			}
		})
	}
}

func TestReadFloatsRefuses(t *testing.T) {
	tensor := numbered(checkpoint.F32, 10)
	for _, part := range [][2]int{{0, 11}, {10, 1}, {11, 0}, {-1, 1}} {
		err := tensor.ReadFloats(make([]float32, part[1]), int64(part[0]))
		assert.ErrorContains(t, err, "it has 10", "from %d", part[0])
	}
	tensor.Shape = []int64{12}
	assert.ErrorIs(t, tensor.ReadFloats(make([]float32, 12), 0), io.ErrUnexpectedEOF, "the file became shorter")
	tensor.DType = checkpoint.I64
	assert.ErrorContains(t, tensor.ReadFloats(make([]float32, 1), 0), `tensor "w" holds I64`)
}

func TestDoublesAreRounded(t *testing.T) {
	doubles := func(values ...float64) checkpoint.Tensor {
		data, err := binary.Append(nil, binary.LittleEndian, values)
		require.NoError(t, err)
		return checkpoint.Tensor{Name: "w", DType: checkpoint.F64, Shape: []int64{int64(len(values))}, Data: bytes.NewReader(data)}
	}
	got := make([]float32, 3)
	require.NoError(t, doubles(9, 1.0/3, -2, math.Inf(1)).ReadFloats(got, 1))
	assert.Equal(t, []float32{float32(1.0 / 3), -2, float32(math.Inf(1))}, got)
	require.ErrorContains(t, doubles(1, 2, 1e300).ReadFloats(got[:2], 1), `tensor "w": element 2 is larger than float32 holds`)
}

func TestDTypes(t *testing.T) {
	assert.Equal(t, "BF16", checkpoint.BF16.String())
	assert.Equal(t, int64(8), checkpoint.F64.Size())
	assert.Equal(t, "unknown", checkpoint.DType(200).String())
	assert.Zero(t, checkpoint.DType(200).Size())
}

type closer struct{ err error }

func (c closer) Close() error { return c.err }

func TestCloseIsPassedOnOnce(t *testing.T) {
	full := errors.New("disk on fire")
	f := checkpoint.File{Closer: closer{full}}
	assert.Equal(t, full, f.Close())
	assert.NoError(t, f.Close())
	assert.NoError(t, new(checkpoint.File).Close())
}

func ExampleTensor_ReadFloats() {
	t := checkpoint.Tensor{
		Name:  "scale",
		DType: checkpoint.BF16,
		Shape: []int64{2, 2},
		Data:  bytes.NewReader([]byte{0x80, 0x3f, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40}),
	}
	row := make([]float32, 2)
	if err := t.ReadFloats(row, 2); err != nil {
		fmt.Println(err)
	}
	fmt.Println(row)
	// Output: [3 4]
}
