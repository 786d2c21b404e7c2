package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// ggml multiplies with the matrices of a type whose kernel is wrong, and a warning says so once.
func TestAWrongKernelIsNotUsed(t *testing.T) {
	var log bytes.Buffer
	m := &Model{level: kernels.AVX2, options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	suits := m.kernels(func(_ kernels.Level, typ gguf.Type) error {
		if typ == gguf.Q4_K {
			return errors.New("result 3 is 5, want 4")
		}
		return nil
	})
	of := func(typ gguf.Type, shape ...int64) tensor { return tensor{info: gguf.Tensor{Type: typ, Shape: shape}} }
	require.False(t, suits(of(gguf.Q4_K, 256, 8)))
	require.False(t, suits(of(gguf.Q4_K, 512, 8)))
	require.True(t, suits(of(gguf.Q6_K, 256, 8)))
	require.False(t, suits(of(gguf.IQ4_XS, 256, 8)))
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("level=WARN")))
	require.Contains(t, log.String(), "type=Q4_K error=\"result 3 is 5, want 4\"")
}

// F32 matrices of bfloat16 numbers are packed as these.
func TestFloatsThatAreBF16(t *testing.T) {
	if kernels.Best() == kernels.None {
		t.Skip("this processor has no kernels")
	}
	values := make([]byte, 4*64*48)
	for i := 0; i < len(values); i += 4 {
		values[i+2], values[i+3] = byte(i), 0x3f+byte(i/4%2)
	}
	other := slices.Clone(values)
	other[4*64*47] = 1
	path := filepath.Join(t.TempDir(), "m.gguf")
	out, err := os.Create(path)
	require.NoError(t, err)
	w, err := gguf.NewWriter(out, gguf.Header{Tensors: []gguf.Tensor{
		{Name: "bf16", Type: gguf.F32, Shape: []int64{64, 48}}, {Name: "f32", Type: gguf.F32, Shape: []int64{64, 48}},
	}})
	require.NoError(t, err)
	require.NoError(t, w.WriteAt(0, values, 0))
	require.NoError(t, w.WriteAt(1, other, 0))
	require.NoError(t, w.Close())
	require.NoError(t, out.Close())
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()

	m := &Model{file: f, level: kernels.Best(), options: Options{Threads: 2, Log: slog.New(slog.DiscardHandler)}}
	var tensors []tensor
	for _, info := range f.Tensors() {
		tensors = append(tensors, tensor{spec: rwkv.TensorSpec{Name: info.Name}, info: info})
	}
	to := &weights{}
	require.NoError(t, m.pack(to, tensors))
	defer to.packed.Free()
	size, _ := kernels.Size(m.level, gguf.BF16, 64, 48)
	require.EqualValues(t, 3*size, len(to.packed.Bytes()))

	plain, _ := kernels.Size(m.level, gguf.F32, 64, 48)
	want, err := kernels.NewMatrix(m.level, gguf.F32, 64, 48, make([]byte, plain))
	require.NoError(t, err)
	require.NoError(t, want.Pack(0, values))
	x := make([]float32, 3*64)
	for i := range x {
		x[i] = float32(i) / 7
	}
	a, err := want.Multiply(x)
	require.NoError(t, err)
	b, err := to.matrices["bf16"].all.Multiply(x)
	require.NoError(t, err)
	require.Equal(t, a, b)
}
