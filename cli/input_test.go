package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is a writer that sends everything written to it.
type watched chan string

func (w watched) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestALineSaysThatStandardInputIsWaitedFor(t *testing.T) {
	in, writer := io.Pipe()
	var out strings.Builder
	errs, code := make(watched, 10), make(chan int, 1)
	go func() { code <- Run([]string{"gosling", "tokenize", "--ids"}, in, &out, errs) }()
	assert.Equal(t, "gosling: waiting for the end of standard input\n", <-errs)
	_, err := io.WriteString(writer, "A goose.")
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	assert.Zero(t, <-code)
	assert.Equal(t, "66 38609 47\n", out.String())
	assert.Empty(t, errs, "it is said once")
}
