package dialog

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/sampler"
)

// newDemo starts a dialog with the built-in model. out gets its answers, about its remarks.
func newDemo(t *testing.T, out, about *strings.Builder) *Dialog {
	t.Helper()
	libraries, err := ggml.Find(ggmltest.Options())
	if errors.Is(err, ggml.ErrNotFound) {
		t.Skip("no ggml libraries: make ggml")
	}
	require.NoError(t, err)
	path, err := demo.Model()
	require.NoError(t, err)
	m, err := lm.Open(t.Context(), path, lm.Options{Libraries: libraries, Threads: 1, Device: "cpu"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	c, err := m.NewConversation(t.Context(), lm.ConversationOptions{Sampling: &sampler.Options{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, why := m.JudgeTemplate()
	return New(Options{
		Model: m, Conversation: c, Out: out, About: about, Why: why,
		Answer:  func(View) Printer { return &chat.Printer{Out: out} },
		Reading: func(ctx context.Context, _ int) (context.Context, func()) { return ctx, func() {} },
		Times:   func(lm.Times) {},
	})
}

func TestWrongStopStringsAreExplained(t *testing.T) {
	var out, about strings.Builder
	d := newDemo(t, &out, &about)
	reply := lm.Reply{Said: "42\nUser: And 1 + 1?", Times: lm.Times{Reason: generate.EndOfText}}
	require.NoError(t, d.remark(reply))
	assert.Equal(t, "note: the model went on as the user (\"User:\"), so template qa may not be the right one; /set verbose tells more\n", about.String())
	about.Reset()
	d.Verbose = true
	require.NoError(t, d.remark(reply))
	assert.Contains(t, about.String(), `the template is qa, because it is the built-in demo model; answers end before ["\n\n"]`)
	about.Reset()
	require.NoError(t, d.remark(lm.Reply{Said: "42", Times: reply.Times}))
	assert.Empty(t, about.String())
}

func TestAMessageWithoutTextIsNotSaid(t *testing.T) {
	var out, about strings.Builder
	d := newDemo(t, &out, &about)
	for _, line := range []string{"", " ", "\n\n"} {
		next, err := d.Do(t.Context(), line)
		require.NoError(t, err)
		assert.Equal(t, Next{}, next)
	}
	assert.Empty(t, out.String())
	_, err := d.Do(t.Context(), " /think is no command here: what is 17 + 25?")
	require.NoError(t, err)
	assert.NotEmpty(t, out.String())
}
