package term_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/term"
)

func TestAQuestion(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "what\n": false, "\n": true, "": true, "y": true} {
		var out strings.Builder
		got, err := term.Ask(t.Context(), strings.NewReader(answer), &out, "Pull it?", true)
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", answer)
		assert.Equal(t, "Pull it? [Y/n] ", out.String())
	}
	in := strings.NewReader("n\nrest")
	got, err := term.Ask(t.Context(), in, io.Discard, "", false)
	require.NoError(t, err)
	assert.False(t, got)
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	assert.Equal(t, "rest", string(rest))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	wait, _ := io.Pipe()
	_, err = term.Ask(ctx, wait, io.Discard, "", false)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, term.CanAsk(in, io.Discard))
}
