package lm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// byteModel loads a model with random weights whose tokens are bytes.
func byteModel(t testing.TB) *Model {
	t.Helper()
	libraries, err := ggml.Find(ggmltest.Options()) // those that the examples open: a process can open one
	if errors.Is(err, ggml.ErrNotFound) {
		t.Skip("no ggml libraries: make ggml")
	}
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model.pth")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, synth.Write(f, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}))
	mix, err := quant.ParseMix("F32")
	require.NoError(t, err)
	_, err = convert.Run(t.Context(), path, path+".gguf", convert.Options{Mix: mix})
	require.NoError(t, err)
	m, err := Open(t.Context(), path+".gguf", Options{Libraries: libraries, Threads: 1, Device: "cpu"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func newConversation(t *testing.T, m *Model, o ConversationOptions) *Conversation {
	t.Helper()
	if o.Format.Name == "" {
		g1, err := prompt.Named("g1")
		require.NoError(t, err)
		o.Format.Template = g1
	}
	if o.Stop == nil {
		o.Stop = []string{}
	}
	o.Sampling = &sampler.Options{}
	c, err := m.NewConversation(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func nothing(chat.Part) error { return nil }

// say sends a message and checks that there is no error.
func say(t *testing.T, ctx context.Context, c *Conversation, text string) Reply {
	t.Helper()
	r, err := c.Say(ctx, text, nothing)
	require.NoError(t, err)
	return r
}

// sameState checks that the conversation's session has the same state as one that has read text.
func sameState(t *testing.T, m *Model, text string, c *Conversation) {
	t.Helper()
	want := newConversation(t, m, ConversationOptions{})
	require.NoError(t, want.read(t.Context(), text))
	w, err := want.session.Snapshot()
	require.NoError(t, err)
	g, err := c.session.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, w.Tokens, g.Tokens)
	for i := range w.State {
		assert.InDeltaSlice(t, w.State[i], g.State[i], 1e-3)
	}
}

// bytesOf returns what the conversation's model generates after a prompt. It need not be whole characters.
func bytesOf(t *testing.T, c *Conversation, prompt string) string {
	t.Helper()
	tokens, err := encodePrompt(c.options.Vocab, []byte(prompt))
	require.NoError(t, err)
	var all []byte
	for piece, err := range generate.Text(t.Context(), c.session, tokens, c.options) {
		require.NoError(t, err)
		text, _ := c.options.Vocab.Bytes(piece.Token)
		all = append(all, text...)
	}
	return string(all)
}

func TestAConversationHasReadWholeTurns(t *testing.T) {
	m := byteModel(t)
	const question = "User: Hi\n\nAssistant:"
	c := newConversation(t, m, ConversationOptions{Limit: 12})
	answer := bytesOf(t, c, question)
	require.Len(t, answer, 12)

	t.Run("after an answer that came to the limit", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 12})
		say(t, t.Context(), c, "Hi")
		sameState(t, m, question+answer+"\n\n", c)
	})
	t.Run("after an answer that ended at a stop string", func(t *testing.T) {
		stop := answer[6:9]
		c := newConversation(t, m, ConversationOptions{Limit: 12, Stop: []string{stop}})
		r := say(t, t.Context(), c, "Hi")
		assert.Equal(t, generate.StopString, r.Times.Reason)
		sameState(t, m, question+answer[:6]+"\n\n", c)
	})
	t.Run("after two turns", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 1})
		say(t, t.Context(), c, "Hi")
		before := c.Tokens()
		say(t, t.Context(), c, " Hi\n\n\n there ")
		assert.Equal(t, before+int64(len("User: Hi\n there\n\nAssistant:x\n\n")), c.Tokens())
	})
	t.Run("but not one that was stopped before it was read", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 12})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		say(t, ctx, c, "Hi")
		sameState(t, m, "", c)
	})
	t.Run("with the system's turn in front", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 1})
		c.System = "Be brief."
		require.NoError(t, c.Reset(t.Context()))
		sameState(t, m, "System: Be brief.\n\n", c)
	})
	t.Run("without the request to think", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 8})
		c.Think = prompt.Think{Request: " (think)"}
		said := prompt.Clean(say(t, t.Context(), c, "Hi").Said)
		require.NotEmpty(t, said)
		sameState(t, m, question+" "+said+"\n\n", c)
	})
}

func TestACutAnswerLeavesNothingOpen(t *testing.T) {
	m := byteModel(t)
	for name, tc := range map[string]struct {
		calls bool
		think string
	}{
		"thoughts without an end": {false, "on"},
		"thoughts of a length":    {false, "high"},
		"a call without an end":   {true, "off"},
		"thoughts before a call":  {true, "medium"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConversation(t, m, ConversationOptions{Limit: 4})
			say(t, t.Context(), c, "Hello")
			before, err := c.session.Snapshot()
			require.NoError(t, err)
			c.Calls = tc.calls
			c.Think, err = prompt.ParseThink(tc.think)
			require.NoError(t, err)
			r := say(t, t.Context(), c, "Hi")
			require.NotEmpty(t, r.Said)
			assert.True(t, r.Cut)
			after, err := c.session.Snapshot()
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
	t.Run("after an error too", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{Limit: 4})
		before, err := c.session.Snapshot()
		require.NoError(t, err)
		_, err = c.Say(t.Context(), "Hi", func(chat.Part) error { return io.ErrClosedPipe })
		require.ErrorIs(t, err, io.ErrClosedPipe)
		after, err := c.session.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, before, after)
		require.ErrorIs(t, c.Undo(t.Context()), ErrNoTurn)
	})
}

func TestATurnThatIsUndoneWasNeverSaid(t *testing.T) {
	m := byteModel(t)
	c := newConversation(t, m, ConversationOptions{Limit: 4})
	say(t, t.Context(), c, "Hi")
	before, err := c.session.Snapshot()
	require.NoError(t, err)
	for range snapshots + 2 {
		say(t, t.Context(), c, "What?")
	}
	for range snapshots + 1 {
		require.NoError(t, c.Undo(t.Context()))
	}
	seen := c.Seen()
	require.NoError(t, c.Undo(t.Context()), "there is no snapshot of this turn, but its text")
	assert.Less(t, len(c.Seen()), len(seen))
	require.Len(t, c.Turns(), 1)
	sameState(t, m, c.Seen(), c)
	require.NoError(t, c.Undo(t.Context()))
	require.ErrorIs(t, c.Undo(t.Context()), ErrNoTurn)
	c = newConversation(t, m, ConversationOptions{Limit: 4})
	say(t, t.Context(), c, "Hi")
	say(t, t.Context(), c, "What?")
	require.NoError(t, c.Undo(t.Context()))
	after, err := c.session.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

func TestAForkGoesOnApart(t *testing.T) {
	m := byteModel(t)
	c := newConversation(t, m, ConversationOptions{Limit: 4})
	say(t, t.Context(), c, "Hi")
	fork, err := c.Fork()
	require.NoError(t, err)
	defer fork.Close()
	here, err := c.session.Snapshot()
	require.NoError(t, err)
	first := say(t, t.Context(), fork, "What?")
	still, err := c.session.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, here, still)
	assert.Equal(t, first.Said, say(t, t.Context(), c, "What?").Said, "both draw alike")
	require.NoError(t, fork.Undo(t.Context()))
	require.NoError(t, fork.Undo(t.Context()), "what came before the fork")
	assert.Zero(t, fork.Tokens())
}

func TestASavedConversationGoesOn(t *testing.T) {
	m := byteModel(t)
	c := newConversation(t, m, ConversationOptions{Limit: 4})
	say(t, t.Context(), c, "Hi")
	path := filepath.Join(t.TempDir(), "goose.state")
	require.NoError(t, c.Save(path))
	require.NoError(t, c.Save(path), "its own file again")
	other := newConversation(t, m, ConversationOptions{Limit: 4})
	require.ErrorIs(t, other.Save(path), os.ErrExist)
	require.NoError(t, other.Load(t.Context(), path))
	assert.Equal(t, c.Tokens(), other.Tokens())
	assert.Equal(t, say(t, t.Context(), c, "What?").Said, say(t, t.Context(), other, "What?").Said)
	require.NoError(t, os.WriteFile(path, []byte("GGUF"), 0o600))
	here := other.Tokens()
	require.Error(t, other.Load(t.Context(), path))
	assert.Equal(t, here, other.Tokens())
}

func TestTextsGoOnAsOptionsSay(t *testing.T) {
	m := byteModel(t)
	greedy := m.Sampling(prompt.Sampling{PenaltyDecay: 1})
	text := func(o GenerateOptions) (text string, last generate.Piece) {
		o.Sampling = &greedy
		for piece, err := range m.Generate(t.Context(), "goose", o) {
			require.NoError(t, err)
			text, last = text+piece.Text, piece
		}
		return text, last
	}
	whole, last := text(GenerateOptions{Limit: 20})
	assert.Equal(t, generate.Limit, last.Reason)
	require.NotEmpty(t, whole)
	again, _ := text(GenerateOptions{Limit: 20})
	assert.Equal(t, whole, again)
	first, _ := m.vocab.Bytes(last.Token)
	short, last := text(GenerateOptions{Limit: 20, Stop: []string{string(first)}})
	assert.Equal(t, generate.StopString, last.Reason)
	assert.Less(t, len(short), len(whole))
	for _, err := range m.Generate(t.Context(), "", GenerateOptions{Template: "goose"}) {
		require.ErrorContains(t, err, "unknown template")
	}
}

func TestAConversationReadsLineEndsAsItsModelKnowsThem(t *testing.T) {
	for vocab, want := range map[tokenizer.Tokenizer][]tokenizer.Token{
		tokenizer.NeoX():  {12092, 187, 187},
		tokenizer.World(): {33155, 261},
	} {
		tokens, err := encodePrompt(vocab, []byte("Hello\n\n"))
		require.NoError(t, err)
		assert.Equal(t, want, tokens, vocab.Name())
	}
	_, err := encodePrompt(tokenizer.ABC(), []byte("é"))
	assert.ErrorContains(t, err, "offset 0")
}

func TestProgressCountsTheTokensThatAreRead(t *testing.T) {
	m := byteModel(t)
	session, err := m.NewSession()
	require.NoError(t, err)
	defer session.Close()
	tokens, err := m.Encode(strings.Repeat("goose ", 2*engine.MaxChunk/6))
	require.NoError(t, err)
	read := 0
	_, err = session.Prefill(WithProgress(t.Context(), func(n int) { read += n }), tokens)
	require.NoError(t, err)
	assert.Len(t, tokens, read)
}

func TestAnswersHaveAForm(t *testing.T) {
	m := byteModel(t)
	form := grammar.GBNF(`root ::= "yes" | "no" "!"{2}`)
	c, err := m.NewConversation(t.Context(), ConversationOptions{Form: &form})
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		r, err := c.Say(t.Context(), "Is it?", drop)
		require.NoError(t, err)
		assert.Contains(t, []string{"yes", "no!!"}, strings.TrimSpace(r.Said))
		assert.Equal(t, generate.EndOfText, r.Times.Reason)
	}
	c.SetLimit(1)
	r, err := c.Say(t.Context(), "And now?", drop)
	require.NoError(t, err)
	require.Equal(t, generate.Limit, r.Times.Reason)
	c.SetLimit(0)
	r, err = c.Continue(t.Context(), drop)
	require.NoError(t, err)
	assert.Contains(t, []string{"yes", "no!!"}, strings.TrimSpace(r.Said), "the form goes on where the answer was cut")
}

func TestCallsFollowTheirSchemas(t *testing.T) {
	m := byteModel(t)
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	f, _, err := chat.Format{Template: g1}.OfferTools(`[{"name": "honk", "input_schema": {"properties": {"loud": {"type": "boolean"}}, "required": ["loud"]}}]`, chat.Trained)
	require.NoError(t, err)
	c, err := m.NewConversation(t.Context(), ConversationOptions{Format: f})
	require.NoError(t, err)
	defer c.Close()
	r, err := c.Say(t.Context(), "Honk!", drop)
	require.NoError(t, err)
	assert.Regexp(t, `^\n\{"name":"honk","arguments":\{[ \n]*"loud": ?(true|false)[ \n]*\}\}$`, r.Said)
}

func TestATextHasAForm(t *testing.T) {
	m := byteModel(t)
	form := grammar.Schema(`{"type": "array", "items": {"type": "boolean"}, "minItems": 3, "maxItems": 3}`)
	var text strings.Builder
	for piece, err := range m.Generate(t.Context(), "ROMEO:", GenerateOptions{Form: &form}) {
		require.NoError(t, err)
		text.WriteString(piece.Text)
	}
	assert.Regexp(t, `^\[[ \n]*(true|false)(,[ \n]*(true|false)){2}[ \n]*\]$`, text.String())
	form = grammar.GBNF("root ::= x")
	for _, err := range m.Generate(t.Context(), "ROMEO:", GenerateOptions{Form: &form}) {
		assert.ErrorContains(t, err, `rule "x" is not defined`)
	}
}

func drop(chat.Part) error { return nil }
