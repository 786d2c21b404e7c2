package clients

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms"
	lc "github.com/tmc/langchaingo/llms/openai"
	"github.com/tmc/langchaingo/memory"
)

// newLangchain returns langchaingo's model.
func newLangchain(t *testing.T) *lc.LLM {
	model, err := lc.New(lc.WithBaseURL(url+"/v1"), lc.WithToken("none"), lc.WithModel("demo"), lc.WithEmbeddingModel("demo"))
	require.NoError(t, err)
	return model
}

func TestLangchainPrompt(t *testing.T) {
	text, err := llms.GenerateFromSinglePrompt(t.Context(), newLangchain(t), "Who are you?", llms.WithMaxTokens(16), llms.WithSeed(3))
	require.NoError(t, err)
	assert.NotEmpty(t, text)
}

func TestLangchainStream(t *testing.T) {
	var pieces []string
	answer, err := newLangchain(t).GenerateContent(t.Context(), []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "You are a goose."), llms.TextParts(llms.ChatMessageTypeHuman, "Who are you?")},
		llms.WithMaxTokens(16), llms.WithStreamingFunc(func(_ context.Context, piece []byte) error {
			pieces = append(pieces, string(piece))
			return nil
		}))
	require.NoError(t, err)
	require.Len(t, answer.Choices, 1)
	assert.Greater(t, len(pieces), 1)
	assert.Equal(t, answer.Choices[0].Content, strings.Join(pieces, ""))
}

func TestLangchainCancel(t *testing.T) {
	enough := errors.New("enough")
	_, err := llms.GenerateFromSinglePrompt(t.Context(), newLangchain(t), "Who are you?", llms.WithMaxTokens(2000),
		llms.WithStreamingFunc(func(context.Context, []byte) error { return enough }))
	require.ErrorContains(t, err, "enough")
}

func TestLangchainConversation(t *testing.T) {
	chain := chains.NewConversation(newLangchain(t), memory.NewConversationBuffer())
	for _, question := range []string{"Who are you?", "And I?"} {
		answer, err := chains.Run(t.Context(), chain, question, chains.WithMaxTokens(16))
		require.NoError(t, err)
		assert.NotEmpty(t, answer)
	}
}

func TestLangchainEmbeddings(t *testing.T) {
	embedder, err := embeddings.NewEmbedder(newLangchain(t))
	require.NoError(t, err)
	vectors, err := embedder.EmbedDocuments(t.Context(), []string{"a goose", "a gander"})
	require.NoError(t, err)
	require.Len(t, vectors, 2)
	query, err := embedder.EmbedQuery(t.Context(), "a goose")
	require.NoError(t, err)
	assert.Equal(t, vectors[0], query)
}

func TestLangchainError(t *testing.T) {
	_, err := llms.GenerateFromSinglePrompt(t.Context(), newLangchain(t), "Who are you?", llms.WithTemperature(-2))
	require.ErrorContains(t, err, "temperature")
}
