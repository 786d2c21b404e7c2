package quant

import (
	"context"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
)

// writtenTypes are the types that ggml quantizes to.
func writtenTypes() []gguf.Type {
	types := []gguf.Type{gguf.IQ1_M, gguf.MXFP4}
	for t := range scales {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}

// write writes x as a matrix of rows of 256 in a type, rounded by weights unless they are nil, and returns its bytes.
func write(t *testing.T, typ gguf.Type, x []float32, weights []float64) ([]byte, error) {
	t.Helper()
	source := Source{
		Tensor: gguf.Tensor{Name: "blk.0.time_mix_key.weight", Type: typ, Shape: []int64{256, int64(len(x) / 256)}},
		Floats: func() ([]float32, error) { return x, nil },
	}
	o := Options{Quantizer: func() (Quantizer, error) { return ggmltest.Library(t), nil }}
	if weights != nil {
		m := &imatrix.Matrix{}
		require.NoError(t, m.Add(imatrix.Entry{Name: source.Tensor.Name, Squares: weights, Tokens: 1}))
		o.Importance = &Importance{Path: "m.gguf", Matrix: m}
	}
	path := filepath.Join(t.TempDir(), "out.gguf")
	if _, err := Write(context.Background(), path, nil, []Source{source}, o); err != nil {
		return nil, err
	}
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	return slices.Clone(f.Data(f.Tensors()[0])), nil
}

// wave is four rows of weights of about a size, each block with a largest one.
func wave(size float64) []float32 {
	x := make([]float32, 4*256)
	for i := range x {
		x[i] = float32(size * math.Sin(float64(i*i)))
	}
	return x
}

func even() []float64 { return slices.Repeat([]float64{1}, 256) }

func TestWeightsThatOverflowTheScaleOfABlockAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("ggml searches long for the scales of such blocks")
	}
	for _, typ := range writtenTypes() {
		if typ == gguf.MXFP4 {
			continue // whose scale is as large as a float can be
		}
		t.Run(typ.String(), func(t *testing.T) {
			x := wave(0.1)
			_, err := write(t, typ, x, even())
			require.NoError(t, err)
			copy(x[512:], wave(1e30)[:256])
			for _, weights := range [][]float64{nil, even()} {
				if weights == nil && slices.Contains(needImportance, typ) {
					continue
				}
				_, err = write(t, typ, x, weights)
				require.ErrorContains(t, err, "element 513 is 8.415e+29, more than a block of "+typ.String()+" can hold: use BF16 or F32 for this tensor")
			}
			copy(x[512:], wave(9e8)[:256])
			_, err = write(t, typ, x, even())
			require.ErrorContains(t, err, `tensor "blk.0.time_mix_key.weight": elements 512 to `)
			cause := ", or its importance does"
			if slices.Contains(blind, typ) {
				cause = ""
			}
			require.ErrorContains(t, err, "overflow the scale of a "+typ.String()+" block"+cause+": use BF16 or F32 for this tensor")
		})
	}
}

// TestEveryScaleIsFound spoils the scales of blocks of each type: those that decode to what is not finite must be found.
func TestEveryScaleIsFound(t *testing.T) {
	for _, typ := range writtenTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			data, err := write(t, typ, wave(0.1), even())
			require.NoError(t, err)
			require.Equal(t, -1, badBlock(typ, data))
			size, n, spoiled := int(typ.BlockBytes()), int(typ.BlockSize()), 0
			for at := range size {
				damaged := slices.Clone(data)
				damaged[size+at] = 0xff
				if at+1 < size {
					damaged[size+at+1] = 0xff
				}
				if typ == gguf.IQ1_M {
					for i := 48; i < 56; i += 2 {
						binary.LittleEndian.PutUint16(damaged[size+i:], 0xffff)
					}
				}
				x := make([]float32, len(data)/size*n)
				require.NoError(t, ggmltest.Library(t).Dequantize(typ, x, damaged))
				want := -1
				if i := slices.IndexFunc(x, func(v float32) bool { return v-v != 0 }); i >= 0 {
					want = i / n
					spoiled++
				}
				require.Equal(t, want, badBlock(typ, damaged), "byte %d of a block", at)
			}
			assert.Positive(t, spoiled)
		})
	}
}

func TestImportanceOfAnySizeRoundsAlike(t *testing.T) {
	weights := make([]float64, 256)
	for i := range weights {
		weights[i] = float64(1 + i%7)
	}
	for _, typ := range []gguf.Type{gguf.Q4_0, gguf.Q4_K, gguf.Q2_K, gguf.IQ2_XXS, gguf.IQ1_M, gguf.IQ4_XS} {
		want, err := write(t, typ, wave(0.1), weights)
		require.NoError(t, err)
		for _, scale := range []float64{0x1p120, 0x1p-120} {
			scaled := slices.Clone(weights)
			for i := range scaled {
				scaled[i] *= scale
			}
			got, err := write(t, typ, wave(0.1), scaled)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s times %g", typ, scale)
		}
	}
}

func TestImportanceOfZeros(t *testing.T) {
	for _, typ := range writtenTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			_, err := write(t, typ, wave(0.1), make([]float64, 256))
			if slices.Contains(blind, typ) {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `m.gguf: says nothing of any tensor that is to be quantized, such as "blk.0.time_mix_key.weight", or only zeros`)
			weights := even()
			clear(weights[64:128])
			data, err := write(t, typ, wave(0.1), weights)
			require.NoError(t, err)
			x := make([]float32, 4*256)
			require.NoError(t, ggmltest.Library(t).Dequantize(typ, x, data))
			assert.NotEqual(t, make([]float32, 64), x[64:128], "channels without importance are rounded, not dropped")
		})
	}
}

func TestWhatBF16CannotHoldIsRefused(t *testing.T) {
	x := wave(0.1)
	x[7] = math.MaxFloat32
	_, err := write(t, gguf.BF16, x, nil)
	require.ErrorContains(t, err, "element 7 is larger than 3.39e38, the largest BF16: use F32 for this tensor")
	_, err = write(t, gguf.F16, wave(1e6), nil)
	require.ErrorContains(t, err, "the largest F16: use BF16 or F32 for this tensor")
}

func TestDamagedBlocksAreNotCopied(t *testing.T) {
	data, err := write(t, gguf.Q4_K, wave(0.1), nil)
	require.NoError(t, err)
	data[144+1] = 0x7c
	source := Source{
		Tensor: gguf.Tensor{Name: "a", Type: gguf.Q4_K, Shape: []int64{256, 4}}, From: gguf.Q4_K,
		Bytes: func(dst []byte, offset int64) error { copy(dst, data[offset:]); return nil },
	}
	_, err = Write(context.Background(), filepath.Join(t.TempDir(), "out.gguf"), nil, []Source{source}, Options{})
	require.ErrorContains(t, err, `tensor "a": the scale of the block at element 256 is not finite: the weights are damaged`)
}

// BenchmarkCheckedBlocks tells what looking at the scales costs beside quantizing.
func BenchmarkCheckedBlocks(b *testing.B) {
	x := make([]float32, 1<<20)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	for _, typ := range []gguf.Type{gguf.Q8_0, gguf.Q4_0, gguf.Q4_K, gguf.Q6_K} {
		size, err := typ.RowBytes(int64(len(x)))
		require.NoError(b, err)
		data := make([]byte, size)
		b.Run("quantize/"+typ.String(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				require.NoError(b, ggmltest.Library(b).Quantize(typ, data, x, 1024, nil))
			}
		})
		b.Run("check/"+typ.String(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				require.Equal(b, -1, badBlock(typ, data))
			}
		})
	}
}
