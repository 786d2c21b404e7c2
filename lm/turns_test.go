package lm

import (
	"context"
	"io"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
)

// letters are the options for answers of small letters, which are the same bytes as text. Other options change the rest.
func letters(o sampler.Options) sampler.Options {
	o.Bias = func(_ int, logits []float32) {
		for i := range logits {
			if i < 'a'+1 || i > 'z'+1 {
				logits[i] = float32(math.Inf(-1))
			}
		}
	}
	return o
}

// newLetters starts a conversation whose answers are letters.
func newLetters(t *testing.T, m *Model, o ConversationOptions) *Conversation {
	t.Helper()
	c := newConversation(t, m, o)
	require.NoError(t, c.SetSampling(letters(sampler.Options{})))
	return c
}

func TestAnAnswerGoesOnWhereTheLimitCutIt(t *testing.T) {
	m := byteModel(t)
	long := newLetters(t, m, ConversationOptions{Limit: 12})
	want := say(t, t.Context(), long, "Hi").Said
	c := newLetters(t, m, ConversationOptions{Limit: 5})
	say(t, t.Context(), c, "Hi")
	require.True(t, c.Turns()[0].Unfinished())
	c.SetLimit(7)
	r, err := c.Continue(t.Context(), nothing)
	require.NoError(t, err)
	assert.Equal(t, want, r.Said)
	require.Len(t, c.Turns(), 1)
	assert.Equal(t, want, c.Turns()[0].Said)
	sameState(t, m, c.Seen(), c)

	t.Run("and after an error it still does", func(t *testing.T) {
		before, err := c.session.Snapshot()
		require.NoError(t, err)
		_, err = c.Continue(t.Context(), func(chat.Part) error { return io.ErrClosedPipe })
		require.ErrorIs(t, err, io.ErrClosedPipe)
		after, err := c.session.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, before, after)
		require.Len(t, c.Turns(), 1)
		_, err = c.Continue(t.Context(), nothing)
		require.NoError(t, err)
	})
	t.Run("also in another run of the program", func(t *testing.T) {
		c := newLetters(t, m, ConversationOptions{Limit: 5})
		say(t, t.Context(), c, "Hi")
		path := filepath.Join(t.TempDir(), "state")
		require.NoError(t, c.SaveTo(path))
		next := newLetters(t, m, ConversationOptions{Limit: 7})
		reread, err := next.Resume(t.Context(), c.Turns(), path, false)
		require.NoError(t, err)
		assert.False(t, reread)
		r, err := next.Continue(t.Context(), nothing)
		require.NoError(t, err)
		assert.Equal(t, want, r.Said)
	})
	t.Run("but a complete one does not", func(t *testing.T) {
		c := newConversation(t, m, ConversationOptions{})
		_, err := c.Continue(t.Context(), nothing)
		require.ErrorIs(t, err, ErrComplete)
	})
}

func TestThoughtsThatWereCutGoOn(t *testing.T) {
	m := byteModel(t)
	c := newLetters(t, m, ConversationOptions{Limit: 5})
	on, err := prompt.ParseThink("on")
	require.NoError(t, err)
	c.Think = on
	first := say(t, t.Context(), c, "Hi")
	require.True(t, first.Cut)
	assert.Empty(t, c.Turns())
	assert.Equal(t, "Hi", c.Unanswered())
	r, err := c.Continue(t.Context(), nothing)
	require.NoError(t, err)
	assert.Equal(t, first.Said, r.Said[:len(first.Said)])
	assert.Greater(t, len(r.Said), len(first.Said))
	assert.Empty(t, c.Turns())
	say(t, t.Context(), c, "Then this.")
	assert.Equal(t, "Then this.", c.Unanswered())
}

func TestTheLastMessageIsAskedAgain(t *testing.T) {
	m := byteModel(t)
	c := newLetters(t, m, ConversationOptions{Limit: 5})
	_, err := c.Retry(t.Context(), nothing)
	require.ErrorIs(t, err, ErrNoTurn)
	say(t, t.Context(), c, "Hi")
	first := say(t, t.Context(), c, "What?")
	tokens := c.Tokens()
	again, err := c.Retry(t.Context(), nothing)
	require.NoError(t, err)
	assert.Equal(t, first.Said, again.Said, "the likeliest tokens are the same")
	assert.Equal(t, tokens, c.Tokens())
	require.NoError(t, c.SetSampling(letters(sampler.Options{Temperature: 5, TopP: 1, Seed: 3})))
	again, err = c.Retry(t.Context(), nothing)
	require.NoError(t, err)
	assert.NotEqual(t, first.Said, again.Said)
	require.Len(t, c.Turns(), 2)
	_, err = c.Edit(t.Context(), "Why?", nothing)
	require.NoError(t, err)
	require.Len(t, c.Turns(), 2)
	assert.Equal(t, "Why?", c.Turns()[1].Asked)
	kept := c.Turns()
	_, err = c.Retry(t.Context(), func(chat.Part) error { return io.ErrClosedPipe })
	require.ErrorIs(t, err, io.ErrClosedPipe)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Retry(ctx, nothing)
	require.NoError(t, err)
	assert.Equal(t, kept, c.Turns(), "a retry without an answer changes nothing")
	sameState(t, m, c.Seen(), c)
}

func TestAConversationIsResumed(t *testing.T) {
	m := byteModel(t)
	c := newLetters(t, m, ConversationOptions{Limit: 5})
	say(t, t.Context(), c, "Hi")
	say(t, t.Context(), c, "What?")
	turns := c.Turns()
	for i := range turns {
		turns[i].before = nil // as in a file
	}
	next := newLetters(t, m, ConversationOptions{Limit: 5})
	reread, err := next.Resume(t.Context(), turns, filepath.Join(t.TempDir(), "none"), false)
	require.NoError(t, err)
	assert.True(t, reread)
	sameState(t, m, c.Seen(), next)
	assert.Equal(t, c.Messages(), next.Messages())
	require.NoError(t, next.Undo(t.Context()))
	require.Len(t, next.Turns(), 1)
	sameState(t, m, next.Seen(), next)
	_, err = next.Resume(t.Context(), turns, filepath.Join(t.TempDir(), "none"), true)
	require.Error(t, err, "nothing else tells what the model has read")
}

func TestThoughtsOfATurn(t *testing.T) {
	on, err := prompt.ParseThink("on")
	require.NoError(t, err)
	turn := Turn{Said: ">\nHm.\n</think>\nHello.", Start: on, Reason: generate.StopString}
	assert.Equal(t, "Hm.", turn.Thoughts())
	assert.False(t, turn.Unfinished())
}
