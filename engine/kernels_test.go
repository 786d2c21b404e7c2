package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
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
