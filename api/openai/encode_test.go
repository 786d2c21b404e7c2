package openai_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/internal/golden"
)

// A request becomes values, and an answer becomes a stream.
func Example() {
	r, err := openai.DecodeChat([]byte(`{"messages": [{"role": "user", "content": "Hi"}], "stream": true, "temperature": 0}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Messages[0].Text, *r.Sampling.Temperature, r.Stream)
	head := openai.Head{ID: "chatcmpl-1", Created: time.Unix(1, 0), Model: "rwkv"}
	fmt.Printf("%s", api.Event(openai.EncodeChatChunk(openai.ChatChunk{Head: head, Content: "Honk."})))
	fmt.Printf("%s", api.Event([]byte(api.Done)))
	_, err = openai.DecodeChat([]byte(`{"messages": [{"role": "user", "content": "Hi"}], "temperature": -1}`))
	fmt.Println(err)
	// Output:
	// Hi 0 true
	// data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"rwkv","choices":[{"index":0,"delta":{"content":"Honk."},"finish_reason":null}]}
	//
	// data: [DONE]
	//
	// temperature: -1 is not between 0 and 1e+06
}

var head = openai.Head{ID: "chatcmpl-0123456789", Created: time.Unix(1790000000, 0), Model: "rwkv7-g1", Fingerprint: "b1-goose"}

// tokens are an answer of two tokens, the second of which is the half of a character.
var tokens = []api.Token{
	{ID: 261, Text: "<Hi>", Bytes: []byte("<Hi>"), Logprob: -0.25, Top: []api.Token{
		{ID: 261, Text: "<Hi>", Bytes: []byte("<Hi>"), Logprob: -0.25}, {ID: 262, Text: "<Hi>", Bytes: []byte("<Hi>"), Logprob: -9}, {ID: 3, Bytes: []byte{2}, Logprob: math.Inf(-1)}}},
	{ID: 200, Text: "é", Bytes: []byte{0xa9}, Logprob: math.Inf(-1)},
}

var (
	usage    = api.Usage{Prompt: 12, Cached: 8, Completion: 5, Reasoning: 2}
	timings  = api.Timings{Cached: 8, Prompt: 4, Predicted: 5, Read: 20 * time.Millisecond, Decoded: 100 * time.Millisecond}
	progress = api.Progress{Total: 12, Cached: 8, Read: 10, Time: 5 * time.Millisecond}
	state    = api.StateInfo{ID: "state-1", Name: "goose"}
)

func TestResponsesAreEncoded(t *testing.T) {
	for name, got := range map[string][]byte{
		"chat": openai.EncodeChat(openai.ChatResponse{Head: head, Usage: usage, Choices: []openai.ChatChoice{{Content: "Hi \"there\" <é>", Finish: openai.Stopped}}}),
		"chat-everything": openai.EncodeChat(openai.ChatResponse{Head: head, Usage: usage, Timings: &timings, State: &state, Verbose: json.RawMessage(`{"prompt":"Hi"}`), Choices: []openai.ChatChoice{
			{Content: "<Hi>é", Thoughts: "Hm.", Logprobs: tokens, Finish: openai.Stopped}, {Index: 1, Finish: openai.Length, Logprobs: []api.Token{}},
		}}),
		"chat-calls": openai.EncodeChat(openai.ChatResponse{Head: head, Usage: usage, Choices: []openai.ChatChoice{
			{Call: &openai.Call{ID: "call_1", Name: "honk", Arguments: `{"loud":true}`}, Finish: openai.Calls},
			{Index: 1, Content: "Wait.", Call: &openai.Call{ID: "call_2", Name: "honk", Arguments: `{"lo`}, Finish: openai.Length},
		}}),
		"chat-state": openai.EncodeChat(openai.ChatResponse{Head: head, State: &api.StateInfo{Data: []byte("Goose")}, Choices: []openai.ChatChoice{{Finish: openai.Length}}}),
		"completion": openai.EncodeCompletion(openai.CompletionResponse{Head: head, Usage: usage, Timings: &timings, Choices: []openai.CompletionChoice{
			{Text: "<Hi>é", Logprobs: append([]api.Token{{ID: 1, Text: "日本", Logprob: math.NaN()}}, tokens...), Offset: 3, Finish: openai.Length}, {Index: 1, Text: "Honk.", Finish: openai.Stopped},
		}}),
		"embeddings":        openai.EncodeEmbeddings(openai.EmbeddingResponse{Model: "rwkv7-g1", Vectors: [][]float32{{1, -0.5}, {0.25, 0}}, Tokens: 7}),
		"embeddings-base64": openai.EncodeEmbeddings(openai.EmbeddingResponse{Model: "rwkv7-g1", Vectors: [][]float32{{1, -0.5}}, Base64: true, Tokens: 7}),
		"models": openai.EncodeModels([]openai.Model{{ID: "rwkv7-g1", Created: head.Created, Owner: "gosling", Aliases: []string{"rwkv7-g1", "goose"}, Tags: []string{"chat"},
			Vocab: 65536, Embedding: 768, Parameters: 191_000_000, Bytes: 382_000_000, Context: 4096},
			{ID: "demo", Created: head.Created, Owner: "gosling"}}),
		"model":        openai.EncodeModel(openai.Model{ID: "demo", Created: head.Created, Owner: "gosling"}),
		"input-tokens": openai.EncodeInputTokens(12),
		"no-models":    openai.EncodeModels(nil),
		"error":        api.EncodeError(&api.Error{Kind: api.TooLong, Message: "the prompt has 20 tokens", PromptTokens: 20, ContextTokens: 10}),
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, json.Valid(got))
			golden.Text(t, "testdata/encode/"+name+".json", string(got)+"\n")
		})
	}
}

func TestStreamsAreEncoded(t *testing.T) {
	for name, chunks := range map[string][][]byte{
		"chat": {
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Progress: &progress}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Begins: true}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Thoughts: "Hm."}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Content: "<Hi>é", Logprobs: tokens, Timings: &timings}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Index: 1, Content: "a\nb\u2028"}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Logprobs: []api.Token{}}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Finish: openai.Stopped, State: &state, Verbose: json.RawMessage(`{"prompt":"Hi"}`)}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Usage: &usage, Timings: &timings}),
		},
		"calls": {
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Call: &openai.Call{ID: "call_1", Name: "honk", Arguments: "{"}}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Call: &openai.Call{Arguments: `"loud":true}`}}),
			openai.EncodeChatChunk(openai.ChatChunk{Head: head, Finish: openai.Calls}),
		},
		"completion": {
			openai.EncodeCompletionChunk(openai.CompletionChunk{Head: head, Progress: &progress}),
			openai.EncodeCompletionChunk(openai.CompletionChunk{Head: head, Choice: openai.CompletionChoice{Text: "<Hi>é", Logprobs: tokens}}),
			openai.EncodeCompletionChunk(openai.CompletionChunk{Head: head, Choice: openai.CompletionChoice{Index: 1, Finish: openai.Length}, State: &state}),
			openai.EncodeCompletionChunk(openai.CompletionChunk{Head: head, Usage: &usage}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var stream strings.Builder
			for _, chunk := range append(chunks, []byte(api.Done)) {
				require.NotContains(t, string(chunk), "\n", "a line end would end the event's data")
				stream.Write(api.Event(chunk))
			}
			golden.Text(t, "testdata/encode/"+name+".stream", stream.String())
		})
	}
}
