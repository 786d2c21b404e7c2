// Package demotest loads the built-in model for tests.
package demotest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/lm"
)

var loaded = sync.OnceValues(func() (*lm.Model, error) {
	libraries, err := ggml.Find(ggmltest.Options())
	if err != nil {
		return nil, err
	}
	path, err := demo.Model()
	if err != nil {
		return nil, err
	}
	return lm.Open(context.Background(), path, lm.Options{Libraries: libraries, Threads: 1, Device: "cpu"})
})

// Model returns the built-in model, on one thread of the CPU. All tests of a process share it, and nobody closes it. Without ggml's libraries
// the test is skipped.
func Model(t testing.TB) *lm.Model {
	t.Helper()
	m, err := loaded()
	if errors.Is(err, ggml.ErrNotFound) {
		t.Skip("no ggml libraries: make ggml")
	}
	require.NoError(t, err)
	return m
}
