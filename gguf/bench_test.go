package gguf

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkOpen opens a file of a large model's header: a vocabulary of 65,536 strings and 1,200 tensors.
func BenchmarkOpen(b *testing.B) {
	tokens := make([]string, 65536)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("token %d", i)
	}
	h := Header{Keys: []KV{{"tokenizer.ggml.tokens", tokens}, {"tokenizer.ggml.token_type", make([]int32, len(tokens))}}}
	for i := range 1200 {
		h.Tensors = append(h.Tensors, Tensor{Name: fmt.Sprintf("blk.%d.time_mix_key.weight", i), Type: I8, Shape: []int64{1}})
	}
	out := memory{}
	w, err := NewWriter(&out, h)
	require.NoError(b, err)
	for i := range h.Tensors {
		require.NoError(b, w.WriteAt(i, []byte{1}, 0))
	}
	require.NoError(b, w.Close())
	path := save(b, out.bytes)
	for b.Loop() {
		f, err := Open(path)
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}
