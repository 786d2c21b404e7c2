package ggmltest

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
)

// RunExample runs an example that opens the libraries in the folder that GOSLING_GGML names, and compares its output with want. Such an
// example has no output comment, because go test could not skip it without the libraries.
func RunExample(t *testing.T, example func(), want string) {
	t.Helper()
	folder, err := ggml.Find(Options())
	if errors.Is(err, ggml.ErrNotFound) {
		t.Skipf("no ggml: %v", err)
	}
	require.NoError(t, err)
	t.Setenv("GOSLING_GGML", folder)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = write
	t.Cleanup(func() { os.Stdout = stdout })
	example()
	os.Stdout = stdout
	require.NoError(t, write.Close())
	printed, err := io.ReadAll(read)
	require.NoError(t, err)
	assert.Equal(t, want, string(printed))
}
