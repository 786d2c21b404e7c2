package rwkvcpp

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// random fills blocks with bits, but keeps their scales small.
func random(typ elementType, rows, cols int64) []byte {
	source := rand.New(rand.NewPCG(5, 6))
	data := make([]byte, rows*cols/typ.elements*typ.bytes)
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	for at := int64(0); at < int64(len(data)); at += typ.bytes {
		scales := []int64{0, 2}
		switch typ.name {
		case "Q4_0", "Q5_0", "Q8_0":
			scales = scales[:1]
		case "Q6_K":
			scales = []int64{208}
		}
		for _, s := range scales {
			binary.LittleEndian.PutUint16(data[at+s:], float.F32ToF16(float32(source.NormFloat64())/16))
		}
	}
	return data
}

func id(name string) uint32 { return uint32(slices.Index(names[:], name)) }

// quantized reads one tensor of 4 rows of 512.
func quantized(t *testing.T, version uint32, name string, data []byte) []float32 {
	f, err := read(fileOf(version, 1, 1, 1, stored{"blocks.0.ln1.weight", []int64{1}, 0, f32s(1)}, stored{"w", []int64{4, 512}, id(name), data}))
	require.NoError(t, err)
	tensor, ok := f.Tensor("w")
	require.True(t, ok)
	want := floats(t, tensor)
	for _, piece := range []int{1021, 8192} {
		got := make([]float32, len(want))
		float.DecodeF32(got, bytesOf(t, tensor, piece))
		require.Equal(t, want, got, "in pieces of %d bytes", piece)
	}
	return want
}

func TestQuantizedTensorsAreReadAsGgmlReadsThem(t *testing.T) {
	lib := ggmltest.Library(t)
	for name, g := range map[string]gguf.Type{"Q4_0": gguf.Q4_0, "Q4_1": gguf.Q4_1, "Q5_0": gguf.Q5_0, "Q5_1": gguf.Q5_1,
		"Q8_0": gguf.Q8_0, "Q4_K": gguf.Q4_K, "Q5_K": gguf.Q5_K, "Q6_K": gguf.Q6_K} {
		t.Run(name, func(t *testing.T) {
			data := random(types[name], 4, 512)
			want := make([]float32, 4*512)
			require.NoError(t, lib.Dequantize(g, want, data))
			for i, got := range quantized(t, 101, name, data) {
				// ggml may be compiled to round the product and the sum at once.
				require.InDelta(t, want[i], got, 4e-7*max(1, math.Abs(float64(want[i]))), "element %d", i)
			}
		})
	}
}

// old lays blocks of version 101 out as version 100 had them.
func old(name string, data []byte) []byte {
	now, then := types[name], oldTypes[name]
	var out []byte
	for at := int64(0); at < int64(len(data)); at += now.bytes {
		block := data[at : at+now.bytes]
		scales := map[string]int{"Q4_0": 1, "Q4_1": 2, "Q8_0": 1}[name]
		for i := range scales {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(half(block[2*i:])))
		}
		rest := block[2*scales:]
		if name == "Q8_0" {
			out = append(out, rest...)
			continue
		}
		packed := rest[len(rest)-16:]
		out = append(out, rest[:len(rest)-16]...)
		q := func(i int) byte {
			if i < 16 {
				return packed[i] & 15
			}
			return packed[i-16] >> 4
		}
		for i := 0; i < 32; i += 2 {
			out = append(out, q(i)|q(i+1)<<4)
		}
	}
	if int64(len(out)) != int64(len(data))/now.bytes*then.bytes {
		panic("wrong size")
	}
	return out
}

func TestVersion100HoldsTheSameNumbersInAnotherOrder(t *testing.T) {
	for _, name := range []string{"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"} {
		t.Run(name, func(t *testing.T) {
			data := random(types[name], 4, 512)
			assert.Equal(t, quantized(t, 101, name, data), quantized(t, 100, name, old(name, data)))
		})
	}
}

// TestKnownBlocks has numbers worked out by hand, for machines without ggml.
func TestKnownBlocks(t *testing.T) {
	block := append([]byte{0x00, 0x38}, slices.Repeat([]byte{0x1f}, 16)...) // 0.5; 15 in the first half, 1 in the second
	x := make([]float32, 32)
	q40(x, block)
	assert.Equal(t, []float32{3.5, 3.5, -3.5, -3.5}, []float32{x[0], x[15], x[16], x[31]})
	oldQ40(x, append(f32s(0.5), block[2:]...))
	assert.Equal(t, []float32{3.5, -3.5, 3.5, -3.5}, []float32{x[0], x[1], x[30], x[31]})
	q51(x, append([]byte{0, 0x38, 0, 0x3c, 1, 0, 0, 0x80}, block[2:]...)) // fifth bits for the first and the last
	assert.Equal(t, []float32{16.5, 8.5, 1.5, 9.5}, []float32{x[0], x[1], x[16], x[31]})
	q80(x, append([]byte{0, 0x38}, slices.Repeat([]byte{0xff, 2}, 16)...))
	assert.Equal(t, []float32{-0.5, 1}, x[:2])
}

func TestManyMayReadAtOnce(t *testing.T) {
	want := model("7")
	f, err := read(convertAll(t, want, false))
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, s := range want {
				tensor, _ := f.Tensor(s.name)
				got := make([]float32, len(s.x))
				assert.NoError(t, tensor.ReadFloats(got, 0))
				assert.Equal(t, s.x, got, s.name)
			}
		})
	}
	group.Wait()
}
