package service_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/internal/demotest"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/service"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// newModel serves the built-in model.
func newModel(t *testing.T, o service.Options) *service.Model {
	t.Helper()
	m, err := service.New(demotest.Model(t), o)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

const cache = 64 << 20

// greedy is a request for the likeliest text.
func greedy(p service.Prompt) service.Request {
	return service.Request{Client: service.Client{Tenant: "a"}, Prompt: p, ReadCache: true, FillCache: true}
}

func text(t *testing.T, m *service.Model, s string) service.Prompt {
	t.Helper()
	p, err := m.Text(s)
	require.NoError(t, err)
	return p
}

// results computes a request.
func results(t *testing.T, m *service.Model, r service.Request) []service.Result {
	t.Helper()
	a, err := m.Start(t.Context(), r)
	require.NoError(t, err)
	defer a.Close()
	all, err := a.Collect()
	require.NoError(t, err)
	return all
}

func TestATextIsThatOfTheCommandLine(t *testing.T) {
	m := newModel(t, service.Options{Cache: cache})
	options := sampler.Options{Temperature: 1, TopP: 0.9, PresencePenalty: 0.2, PenaltyDecay: 0.99, Seed: 7, Limit: 256}
	var want strings.Builder
	for piece, err := range m.Generate(t.Context(), "ROMEO:", lm.GenerateOptions{Sampling: &options, Limit: 60, Stop: []string{"\n\n"}}) {
		require.NoError(t, err)
		want.WriteString(piece.Text)
	}
	for range 2 { // the second one finds a state
		r := greedy(text(t, m, "ROMEO:"))
		r.Sampling, r.Limit, r.Stop = options, 60, []string{"\n\n"}
		got := results(t, m, r)[0]
		assert.Equal(t, want.String(), got.Text)
		assert.Equal(t, 6, got.End.Prompt)
	}
}

func TestChoicesAreTheTextsOfTheSeedsThatFollow(t *testing.T) {
	m := newModel(t, service.Options{})
	r := greedy(text(t, m, "JULIET:"))
	r.Sampling, r.Limit = sampler.Options{Temperature: 1, TopP: 1, Seed: 40, Limit: 256}, 20
	r.Choices = 3
	three := results(t, m, r)
	require.Len(t, three, 3)
	r.Choices = 1
	for _, choice := range three {
		assert.Equal(t, results(t, m, r)[0].Text, choice.Text)
		r.Sampling.Seed++
	}
}

// talk holds a conversation by sending all messages each time, as clients do.
type talk struct {
	m        *service.Model
	format   chat.Format
	messages []chat.Message
}

func (k *talk) ask(t *testing.T, question string, change func(*service.Request)) service.Result {
	t.Helper()
	k.messages = append(k.messages, chat.Message{Role: chat.User, Text: question})
	p, err := k.m.Chat(k.format, k.messages, chat.Continue, nil)
	require.NoError(t, err)
	r := greedy(p)
	r.Stop, r.Limit = k.format.Stops, 40
	if change != nil {
		change(&r)
	}
	got := results(t, k.m, r)[0]
	k.messages = append(k.messages, chat.Message{Role: chat.Assistant, Text: got.Text})
	require.NoError(t, k.m.Settle(t.Context()))
	return got
}

// thinkAndSay makes sure that the small model neither thinks forever nor says nothing.
func thinkAndSay(r *service.Request) { r.ThinkBudget, r.IgnoreEnd, r.Stop = new(6), true, nil }

const long = "You are a goose. You know a great deal about ponds, lakes and rivers, and you like to tell of them at length."

func TestTheSecondTurnReadsItsNewTokensOnly(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	think, err := prompt.ParseThink("on")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		format chat.Format
		change func(*service.Request)
	}{
		"live":             {chat.Format{System: long}, nil},
		"thoughts dropped": {chat.Format{Template: g1, System: long, Think: think}, thinkAndSay},
		"cut by a limit":   {chat.Format{System: long}, func(r *service.Request) { r.Limit = 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, service.Options{Cache: cache})
			k := talk{m: m, format: tc.format}
			if k.format.Name == "" {
				k.format.Template = m.Template()
			}
			first := k.ask(t, "What is 17 + 25?", tc.change)
			assert.Zero(t, first.End.Cached)
			before := first.End.Prompt + first.End.Tokens
			for _, question := range []string{"Capitals: red wine", "Spell the word swan."} {
				next := k.ask(t, question, tc.change)
				fresh := next.End.Prompt - before
				assert.LessOrEqual(t, next.End.Prompt-next.End.Cached, max(fresh, len(question)+24)+16, "%+v", next.End)
				before = next.End.Prompt + next.End.Tokens
			}
		})
	}
}

func TestANamedStateContinuesAConversation(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	think, err := prompt.ParseThink("on")
	require.NoError(t, err)
	for name, format := range map[string]chat.Format{"answers": {System: long}, "thoughts": {Template: g1, System: long, Think: think}} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, service.Options{Cache: cache})
			if format.Name == "" {
				format.Template = m.Template()
			}
			k := talk{m: m, format: format}
			saved := k.ask(t, "What is 17 + 25?", func(r *service.Request) { thinkAndSay(r); r.Save = "turn" })
			require.NotNil(t, saved.End.State)
			require.NoError(t, saved.End.State.Err)
			whole := k.ask(t, "Capitals: red wine", thinkAndSay)

			begin, err := m.Named("a", "turn")
			require.NoError(t, err)
			defer begin.Release()
			p, err := m.Chat(format, []chat.Message{{Role: chat.User, Text: "Capitals: red wine"}}, chat.Continue, begin)
			require.NoError(t, err)
			r := greedy(p)
			r.Begin, r.Stop, r.Limit = begin, format.Stops, 40
			thinkAndSay(&r)
			got := results(t, m, r)[0]
			assert.Equal(t, whole.Text, got.Text)
			assert.Equal(t, whole.Thoughts, got.Thoughts)
			assert.Less(t, got.End.Prompt, 70)

			_, err = m.Named("b", "turn")
			assert.ErrorIs(t, err, states.ErrNoState, "names are the tenant's own")
		})
	}
}

func TestAStateThatIsSentBackContinuesTheText(t *testing.T) {
	m := newModel(t, service.Options{})
	r := greedy(text(t, m, "ROMEO:"))
	r.Limit = 30
	whole := results(t, m, r)[0].Text
	r.Limit, r.Give = 11, service.GiveData
	first := results(t, m, r)[0]
	require.NoError(t, first.End.State.Err)
	begin, err := m.Sent(first.End.State.Data)
	require.NoError(t, err)
	defer begin.Release()
	// The state has read all of the text, so what follows it begins a new prompt.
	r = greedy(text(t, m, whole[len(first.Text):len(first.Text)+1]))
	r.Begin, r.Limit = begin, 18
	assert.Equal(t, whole, first.Text+whole[len(first.Text):len(first.Text)+1]+results(t, m, r)[0].Text)

	_, err = m.Sent([]byte("GSLSTATE"))
	var bad *service.StateError
	assert.ErrorAs(t, err, &bad)
}

func TestTokensAreTheText(t *testing.T) {
	m := newModel(t, service.Options{Cache: cache})
	for name, s := range map[string]string{"ASCII": "ROMEO:\nBut soft", "characters of several tokens": "Ö€日本, 🪿!"} {
		t.Run(name, func(t *testing.T) {
			r := greedy(text(t, m, s))
			r.Sampling, r.Limit = sampler.Options{Temperature: 2, TopP: 1, Seed: 3, Limit: 256}, 200
			r.Stop = []string{"e", " \n \n"}
			r.Probabilities, r.PromptTokens = &sched.Probabilities{Top: 3}, true
			a, err := m.Start(t.Context(), r)
			require.NoError(t, err)
			defer a.Close()
			all, err := a.Collect()
			require.NoError(t, err)
			assert.Equal(t, s, joined(a.Prompt()))
			assert.Equal(t, all[0].Text, joined(all[0].Tokens))
			assert.True(t, math.IsNaN(a.Prompt()[0].Logprob))
			for _, token := range append(a.Prompt()[1:], all[0].Tokens...) {
				assert.LessOrEqual(t, token.Logprob, 0.0)
				require.Len(t, token.Top, 3)
				assert.GreaterOrEqual(t, token.Top[0].Logprob, token.Logprob)
			}
		})
	}
}

func TestTheTokensOfPromptsOfAnyLengthAreTold(t *testing.T) {
	m := newModel(t, service.Options{Cache: cache})
	for _, n := range []int{1, 2, 63, 64, 65, 66, 128, 129} { // rows come in pieces of up to 64
		r := greedy(text(t, m, strings.Repeat("a", n)))
		r.Limit, r.Probabilities, r.PromptTokens = 1, &sched.Probabilities{Top: 1}, true
		a, err := m.Start(t.Context(), r)
		require.NoError(t, err)
		_, err = a.Collect()
		require.NoError(t, err)
		require.Len(t, a.Prompt(), n)
		a.Close()
	}
}

func joined(tokens []service.Token) string {
	var all strings.Builder
	for _, t := range tokens {
		all.WriteString(t.Text)
	}
	return all.String()
}

func TestThoughtsEndWithTheirBudget(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	think, err := prompt.ParseThink("on")
	require.NoError(t, err)
	m := newModel(t, service.Options{})
	k := talk{m: m, format: chat.Format{Template: g1, Think: think}}
	got := k.ask(t, "Why?", func(r *service.Request) { r.ThinkBudget, r.Limit, r.Stop, r.IgnoreEnd = new(9), 60, nil, true })
	assert.NotEmpty(t, got.Text)
	assert.LessOrEqual(t, len(got.Thoughts), 9+len("\n"))
	assert.Equal(t, 9+len("\n</think>"), got.End.Thinking, "with the tag")
}

func TestRequestsThatCannotBeKeptAreErrors(t *testing.T) {
	m := newModel(t, service.Options{Context: 10})
	var long *service.ContextError
	_, err := m.Start(t.Context(), greedy(text(t, m, "0123456789")))
	require.ErrorAs(t, err, &long)
	assert.Equal(t, service.ContextError{Prompt: 10, Context: 10}, *long)
	got := results(t, m, greedy(text(t, m, "012345678")))[0]
	assert.Equal(t, 1, got.End.Tokens)
	assert.Equal(t, generate.Limit, got.End.Reason)

	r := greedy(text(t, m, "01234"))
	r.Choices, r.Save = 2, "x"
	_, err = m.Start(t.Context(), r)
	assert.ErrorIs(t, err, service.ErrManyStates)
	_, err = m.TokenPrompt([]tokenizer.Token{257})
	var bad *service.PromptError
	assert.ErrorAs(t, err, &bad)
}

func TestEmbeddingsAreThoseOfTheCommandLine(t *testing.T) {
	m := newModel(t, service.Options{})
	texts := []string{"a goose", "many geese on a pond, and none of them is grey", "x"}
	lists, err := m.EncodeLines(texts)
	require.NoError(t, err)
	for _, pooling := range []lm.Pooling{lm.LastToken, lm.Mean} {
		var want [][]float32
		require.NoError(t, m.Model.Embed(t.Context(), lists, pooling, func(_ int, e []float32) error {
			want = append(want, append([]float32(nil), e...))
			return nil
		}))
		var prompts []service.Prompt
		for _, s := range texts {
			prompts = append(prompts, text(t, m, s))
		}
		got, err := m.Embed(t.Context(), service.Client{}, prompts, pooling)
		require.NoError(t, err)
		for i := range want {
			assert.InDeltaSlice(t, want[i], got[i], 1e-5)
		}
	}
}

func TestACancelledTextEndsSoon(t *testing.T) {
	m := newModel(t, service.Options{Slots: 1})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	gone := errors.New("the client went away")
	r := greedy(text(t, m, "ROMEO:"))
	r.IgnoreEnd = true
	a, err := m.Start(ctx, r)
	require.NoError(t, err)
	defer a.Close()
	for e, ok := a.Next(); ok; e, ok = a.Next() {
		if e.Tokens >= 3 { // an event may have several
			cancel(gone)
		}
		if e.End != nil {
			assert.ErrorIs(t, e.End.Err, gone)
		}
	}
	assert.Eventually(t, func() bool { return m.Stats().Decoding == 0 }, time.Minute, time.Millisecond)
}
