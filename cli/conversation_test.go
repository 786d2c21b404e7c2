package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// byteModel loads a model of random weights whose tokens are the bytes.
func byteModel(t *testing.T) *lm.Model {
	t.Helper()
	o := ggmltest.Options()
	o.Device = "cpu"
	libraries, err := ggml.Find(o)
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
	m, err := lm.Open(t.Context(), path+".gguf", lm.Options{Libraries: libraries, Threads: 1, Device: "cpu"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func newConversation(t *testing.T, m *lm.Model, o generate.Options) *conversation {
	t.Helper()
	session, err := m.NewSession()
	require.NoError(t, err)
	t.Cleanup(session.Close)
	o.Vocab = tokenizer.Bytes()
	o.Sampler, err = sampler.New(sampler.Options{})
	require.NoError(t, err)
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	v := &conversation{session: session, wording: wording{Template: g1}, options: o, errs: io.Discard, now: time.Now}
	require.NoError(t, v.open(t.Context()))
	return v
}

// ask says something as a person would, and holds that there is no error.
func ask(t *testing.T, ctx context.Context, v *conversation, text string, out io.Writer) reply {
	t.Helper()
	r, err := v.ask(ctx, message{text, v.start()}, out, &timing{now: time.Now})
	require.NoError(t, err)
	return r
}

// sameState holds that the conversation's session is where one that has read the text is.
func sameState(t *testing.T, m *lm.Model, text string, v *conversation) {
	t.Helper()
	want := newConversation(t, m, generate.Options{})
	require.NoError(t, want.read(t.Context(), text))
	w, err := want.session.Snapshot()
	require.NoError(t, err)
	g, err := v.session.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, w.Tokens, g.Tokens)
	for i := range w.State {
		assert.InDeltaSlice(t, w.State[i], g.State[i], 1e-3)
	}
}

func TestAConversationHasReadWholeTurns(t *testing.T) {
	m := byteModel(t)
	const question = "User: Hi\n\nAssistant:"
	said := func(o generate.Options) []byte { // the answer's bytes
		v := newConversation(t, m, o)
		tokens, err := v.options.Vocab.Encode([]byte(question))
		require.NoError(t, err)
		var all []byte
		for piece, err := range generate.Text(t.Context(), v.session, tokens, v.options) {
			require.NoError(t, err)
			text, _ := v.options.Vocab.Bytes(piece.Token)
			all = append(all, text...)
		}
		return all
	}
	answer := said(generate.Options{Limit: 12})
	require.Len(t, answer, 12)

	t.Run("after an answer that came to the limit", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 12})
		ask(t, t.Context(), v, "Hi", io.Discard)
		sameState(t, m, question+string(answer)+"\n\n", v)
	})
	t.Run("after an answer that ended at a stop string", func(t *testing.T) {
		stop := string(answer[6:9])
		v := newConversation(t, m, generate.Options{Limit: 12, Stop: []string{stop}})
		ask(t, t.Context(), v, "Hi", io.Discard)
		sameState(t, m, question+string(answer[:6])+"\n\n", v)
	})
	t.Run("after two turns", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 1})
		ask(t, t.Context(), v, "Hi", io.Discard)
		sameState(t, m, question+string(answer[:1])+"\n\n", v)
		before := v.session.Tokens()
		ask(t, t.Context(), v, " Hi\n\n\n there ", io.Discard)
		assert.Equal(t, before+int64(len("User: Hi\n there\n\nAssistant:x\n\n")), v.session.Tokens())
	})
	t.Run("but not one that was stopped before it was read", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 12})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ask(t, ctx, v, "Hi", io.Discard)
		sameState(t, m, "", v)
	})
	t.Run("with the system's turn in front", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 1})
		v.system = "Be brief."
		require.NoError(t, v.open(t.Context()))
		sameState(t, m, "System: Be brief.\n\n", v)
	})
	t.Run("without the request to think", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 8})
		v.think = prompt.Think{Request: " (think)"}
		var shown strings.Builder
		ask(t, t.Context(), v, "Hi", &shown)
		require.NotEmpty(t, prompt.Clean(shown.String()))
		sameState(t, m, question+" "+prompt.Clean(shown.String())+"\n\n", v)
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
			v := newConversation(t, m, generate.Options{Limit: 4})
			ask(t, t.Context(), v, "Hello", io.Discard)
			before, err := v.session.Snapshot()
			require.NoError(t, err)
			v.calls = tc.calls
			v.think, err = prompt.ParseThink(tc.think)
			require.NoError(t, err)
			asked := message{"Hi", v.start()}
			r, err := v.ask(t.Context(), asked, io.Discard, &timing{now: time.Now})
			require.NoError(t, err)
			require.NotEmpty(t, r.said)
			assert.True(t, r.cut)
			after, err := v.session.Snapshot()
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
	t.Run("after an error too", func(t *testing.T) {
		v := newConversation(t, m, generate.Options{Limit: 4})
		before, err := v.session.Snapshot()
		require.NoError(t, err)
		_, err = v.ask(t.Context(), message{text: "Hi"}, failing{}, &timing{now: time.Now})
		require.ErrorIs(t, err, io.ErrClosedPipe)
		after, err := v.session.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

// failing is a writer of no use.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWhatAnAnswerLeaves(t *testing.T) {
	forced := prompt.Think{Start: prompt.CallStart}
	on, err := prompt.ParseThink("on")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		start prompt.Think
		said  string
		why   generate.Reason
		want  string
		cut   bool
	}{
		"an answer":                          {prompt.Think{}, " Hello.", generate.StopString, "Hello.", false},
		"half an answer":                     {prompt.Think{}, " Hel", generate.Limit, "Hel", false},
		"no answer":                          {prompt.Think{}, "", generate.EndOfText, "", false},
		"thoughts that the model began":      {prompt.Think{}, " <think>Hm.", generate.EndOfText, "", true},
		"thoughts that the model ended":      {prompt.Think{}, " <think>Hm.</think> Hello.", generate.EndOfText, "Hello.", false},
		"thoughts":                           {on, ">\nHm.", generate.Cancelled, "", true},
		"thoughts and nothing else":          {on, ">\nHm.</think>\n", generate.Limit, "", true},
		"thoughts and an answer":             {on, ">\nHm.</think>\nHello.", generate.Limit, "Hello.", false},
		"an answer, and thoughts begun anew": {on, ">\nHm.</think>\nHello.\n<think", generate.Limit, "Hello.", false},
		"thoughts and a call":                {on, ">\nHm.</think>\n```json\n{\"name\":\"f\"}\n```", generate.StopString, "```json\n{\"name\":\"f\"}\n```", false},
		"a call":                             {forced, "\n{\"name\":\"f\"}", generate.StopString, "```json\n{\"name\":\"f\"}\n```", false},
		"half a call":                        {forced, "\n{\"name\":", generate.Limit, "", true},
		"a call that was not ended":          {forced, "\n{\"name\":\"f\"}", generate.Limit, "```json\n{\"name\":\"f\"}\n```", false},
	} {
		t.Run(name, func(t *testing.T) {
			answer, cut := kept(tc.start, tc.said, tc.why)
			assert.Equal(t, tc.want, answer)
			assert.Equal(t, tc.cut, cut)
		})
	}
}

func TestPrinter(t *testing.T) {
	for name, tc := range map[string]struct{ start, pieces, want string }{
		"an answer":                 {"", " |\n|Hi |there", "Hi there"},
		"thoughts begin with a tag": {" <think", ">|\nHm.", "<think>\nHm."},
		"those that are over":       {" <think>\n</think", ">|\n|Hi", "Hi"},
		"empty ones":                {" <think></think", ">\n|Hi>", "Hi>"},
		"a call":                    {prompt.CallStart, "\n{|}", "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			show := printer(&out, prompt.Think{Start: tc.start})
			for piece := range strings.SplitSeq(tc.pieces, "|") {
				require.NoError(t, show(piece))
			}
			assert.Equal(t, tc.want, out.String())
		})
	}
}

func TestLacking(t *testing.T) {
	for text, want := range map[string]string{"": "\n\n", "a": "\n\n", "a\n": "\n", "a\n\n": "", "a\n\n\n": ""} {
		assert.Equal(t, want, lacking(text, "\n\n"), "%q", text)
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
