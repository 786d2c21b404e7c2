package clients

import (
	"context"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newOpenAI returns OpenAI's client for Go.
func newOpenAI(more ...option.RequestOption) openai.Client {
	options := []option.RequestOption{option.WithBaseURL(url + "/v1"), option.WithAPIKey("none"), option.WithUnsafeAllowHTTP(), option.WithMaxRetries(0)}
	return openai.NewClient(append(options, more...)...)
}

// hello is a chat of a few tokens.
func hello() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: "demo", MaxCompletionTokens: openai.Int(24), Seed: openai.Int(7), Temperature: openai.Float(0.8),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("You are a goose."), openai.UserMessage("Hello. Who are you?")},
	}
}

func TestOpenAIChat(t *testing.T) {
	client := newOpenAI()
	answer, err := client.Chat.Completions.New(t.Context(), hello())
	require.NoError(t, err)
	require.Len(t, answer.Choices, 1)
	assert.NotEmpty(t, answer.Choices[0].Message.Content)
	assert.Contains(t, []string{"stop", "length"}, answer.Choices[0].FinishReason)
	assert.Equal(t, "assistant", string(answer.Choices[0].Message.Role))
	assert.Positive(t, answer.Usage.PromptTokens)
	assert.LessOrEqual(t, answer.Usage.CompletionTokens, int64(24))
	assert.Equal(t, answer.Usage.PromptTokens+answer.Usage.CompletionTokens, answer.Usage.TotalTokens)

	again, err := client.Chat.Completions.New(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, answer.Choices[0].Message.Content, again.Choices[0].Message.Content, "the seed is the same")
	assert.Positive(t, again.Usage.PromptTokensDetails.CachedTokens, "the prompt was read before")
}

func TestOpenAIChoices(t *testing.T) {
	client, ask := newOpenAI(), hello()
	ask.N = openai.Int(3)
	ask.Logprobs, ask.TopLogprobs = openai.Bool(true), openai.Int(2)
	answer, err := client.Chat.Completions.New(t.Context(), ask)
	require.NoError(t, err)
	require.Len(t, answer.Choices, 3)
	for i, choice := range answer.Choices {
		assert.EqualValues(t, i, choice.Index)
		joined := ""
		for _, token := range choice.Logprobs.Content {
			joined += token.Token
			assert.LessOrEqual(t, token.Logprob, 0.0)
			assert.Len(t, token.TopLogprobs, 2)
		}
		assert.Equal(t, choice.Message.Content, joined)
	}
}

func TestOpenAIStream(t *testing.T) {
	client, ask := newOpenAI(), hello()
	ask.StreamOptions.IncludeUsage = openai.Bool(true)
	whole, err := client.Chat.Completions.New(t.Context(), hello())
	require.NoError(t, err)
	stream := client.Chat.Completions.NewStreaming(t.Context(), ask)
	defer stream.Close()
	var all openai.ChatCompletionAccumulator
	chunks := 0
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
		chunks++
	}
	require.NoError(t, stream.Err())
	assert.Greater(t, chunks, 3)
	require.Len(t, all.Choices, 1)
	assert.Equal(t, whole.Choices[0].Message.Content, all.Choices[0].Message.Content)
	assert.Equal(t, whole.Choices[0].FinishReason, all.Choices[0].FinishReason)
	assert.Equal(t, whole.Usage.CompletionTokens, all.Usage.CompletionTokens)
}

func TestOpenAIStop(t *testing.T) {
	client, ask := newOpenAI(), hello()
	whole, err := client.Chat.Completions.New(t.Context(), ask)
	require.NoError(t, err)
	text := whole.Choices[0].Message.Content
	stop := text[len(text)/2:][:1]
	ask.Stop.OfString = openai.String(stop)
	cut, err := client.Chat.Completions.New(t.Context(), ask)
	require.NoError(t, err)
	assert.Equal(t, text[:strings.Index(text, stop)], cut.Choices[0].Message.Content)
	assert.Equal(t, "stop", cut.Choices[0].FinishReason)
}

func TestOpenAICompletion(t *testing.T) {
	client := newOpenAI()
	answer, err := client.Completions.New(t.Context(), openai.CompletionNewParams{Model: "demo", MaxTokens: openai.Int(16),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("ROMEO:")}, Echo: openai.Bool(true)})
	require.NoError(t, err)
	require.Len(t, answer.Choices, 1)
	assert.True(t, strings.HasPrefix(answer.Choices[0].Text, "ROMEO:"), answer.Choices[0].Text)
	assert.Greater(t, len(answer.Choices[0].Text), len("ROMEO:"))
}

func TestOpenAIEmbeddings(t *testing.T) {
	client := newOpenAI()
	answer, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "demo",
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a goose", "a gander", "a goose"}}})
	require.NoError(t, err)
	require.Len(t, answer.Data, 3)
	assert.NotEmpty(t, answer.Data[0].Embedding)
	assert.Equal(t, answer.Data[0].Embedding, answer.Data[2].Embedding)
	assert.NotEqual(t, answer.Data[0].Embedding, answer.Data[1].Embedding)
	assert.Positive(t, answer.Usage.PromptTokens)
}

func TestOpenAIErrors(t *testing.T) {
	client, ask := newOpenAI(), hello()
	ask.Temperature = openai.Float(-1)
	_, err := client.Chat.Completions.New(t.Context(), ask)
	var wrong *openai.Error
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, 400, wrong.StatusCode)
	assert.Equal(t, "invalid_request_error", wrong.Type)
	assert.Equal(t, "temperature", wrong.Param)
	assert.NotEmpty(t, wrong.Message)

	_, err = client.Files.List(t.Context(), openai.FileListParams{})
	require.ErrorAs(t, err, &wrong)
	assert.GreaterOrEqual(t, wrong.StatusCode, 400)
}

func TestOpenAICancel(t *testing.T) {
	client, ask := newOpenAI(), hello()
	ask.MaxCompletionTokens = openai.Int(100_000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := client.Chat.Completions.NewStreaming(ctx, ask, option.WithJSONSet("ignore_eos", true))
	defer stream.Close()
	require.True(t, stream.Next(), "%v", stream.Err())
	require.True(t, stream.Next(), "%v", stream.Err())
	cancel()
	for stream.Next() {
	}
	require.ErrorIs(t, stream.Err(), context.Canceled)
	_, err := client.Chat.Completions.New(t.Context(), hello())
	require.NoError(t, err, "the server goes on")
}

func TestOpenAIModels(t *testing.T) {
	client := newOpenAI()
	list, err := client.Models.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list.Data, 1)
	assert.Equal(t, "demo", list.Data[0].ID)
	one, err := client.Models.Get(t.Context(), "demo")
	require.NoError(t, err)
	assert.Equal(t, "demo", one.ID)
}
