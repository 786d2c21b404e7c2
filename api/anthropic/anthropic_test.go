package anthropic_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/anthropic"
	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/prompt"
)

// A request becomes values, and an answer becomes a stream.
func Example() {
	r, err := anthropic.DecodeMessage([]byte(`{"max_tokens": 9, "system": "Honk.", "messages": [{"role": "user", "content": "Hi"}]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Messages[0].Text, r.Messages[1].Text, *r.Limit)
	s := anthropic.Stream{Head: anthropic.Head{ID: "msg_1", Model: "rwkv"}}
	s.Start(12)
	for _, event := range s.Text("Honk.") {
		fmt.Printf("%s", event)
	}
	// Output:
	// Honk. Hi 9
	// event: content_block_start
	// data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}
	//
	// event: content_block_delta
	// data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Honk."}}
	//
}

var endpoints = apitest.Endpoints{"message": apitest.Decoder(anthropic.DecodeMessage)}

func TestRequestsAreDecoded(t *testing.T) { apitest.Requests(t, endpoints) }

// FuzzRequests decodes any body. What is accepted is a conversation that has a prompt.
func FuzzRequests(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"","content":[{"type":"text","text":"\ud800"}]}]}],"system":[]}`))
	apitest.Fuzz(f, endpoints, func(t *testing.T, request any) {
		r := request.(*anthropic.MessageRequest)
		require.NotEmpty(t, r.Messages)
		require.Equal(t, 1, r.Choices)
		require.LessOrEqual(t, len(r.Stop), api.MaxStops)
		require.True(t, r.Limit == nil || *r.Limit >= 0)
		_, err := chat.Format{}.Prompt(r.Messages, r.Next)
		require.NoError(t, err)
		if r.Think != "" {
			_, err := prompt.ParseThink(r.Think)
			require.NoError(t, err)
		}
	})
}

var (
	head  = anthropic.Head{ID: "msg_0123456789", Model: "rwkv7-g1"}
	usage = api.Usage{Prompt: 12, Cached: 8, Completion: 5, Reasoning: 2}
	call  = anthropic.Call{ID: "toolu_1", Name: "get_weather", Input: []byte(`{"city":"Paris"}`)}
	key   = []byte("a key")
)

func TestResponsesAreEncoded(t *testing.T) {
	model := anthropic.Model{ID: "rwkv7-g1", Name: "RWKV-7", Created: time.Unix(1790000000, 0)}
	limited := model
	limited.Context = 4096
	for name, got := range map[string][]byte{
		"message": anthropic.EncodeMessage(anthropic.Message{Head: head, Text: "Hi \"there\" <é>", End: anthropic.End{Stop: anthropic.EndTurn, Usage: usage}}),
		"message-everything": anthropic.EncodeMessage(anthropic.Message{Head: head, Thoughts: "Hm.", Signature: anthropic.Sign(key, "Hm."), Text: "Hi", Calls: []anthropic.Call{call},
			End: anthropic.End{Stop: anthropic.ToolUse, Usage: usage, State: &api.StateInfo{ID: "state-1"}}}),
		"message-nothing":       anthropic.EncodeMessage(anthropic.Message{Head: head, End: anthropic.End{Stop: anthropic.MaxTokens}}),
		"message-stop-sequence": anthropic.EncodeMessage(anthropic.Message{Head: head, Text: "Hi", End: anthropic.End{Stop: anthropic.StopSequence, StopSequence: "END"}}),
		"count":                 anthropic.EncodeCount(12),
		"model":                 anthropic.EncodeModel(limited),
		"models":                anthropic.EncodeModels([]anthropic.Model{model, limited}),
		"models-none":           anthropic.EncodeModels(nil),
	} {
		golden.Text(t, "testdata/encode/"+name+".json", string(got)+"\n")
	}
}

func TestStreamsAreEncoded(t *testing.T) {
	everything := func(hide bool) [][]byte {
		s := &anthropic.Stream{Head: head, Key: key, Hide: hide}
		events := s.Start(12)
		for _, more := range [][][]byte{s.Thoughts("Hm"), s.Thoughts(""), s.Thoughts("."), s.Text("Hi"), s.Text(""), s.Text(" <é>"), s.Call(call), s.Input(`{"city":`), s.Input(""), s.Input(`"Paris"}`),
			s.Call(anthropic.Call{ID: "toolu_2", Name: "f"}), s.End(anthropic.End{Stop: anthropic.ToolUse, Usage: usage})} {
			events = append(events, more...)
		}
		return events
	}
	nothing := &anthropic.Stream{Head: head}
	for name, events := range map[string][][]byte{
		"everything":      everything(false),
		"hidden-thoughts": everything(true),
		"nothing":         append(nothing.Start(3), nothing.End(anthropic.End{Stop: anthropic.StopSequence, StopSequence: "\n", State: &api.StateInfo{Name: "goose"}})...),
		"failure":         {anthropic.ErrorEvent(&api.Error{Kind: api.Internal, Message: "internal error"}, "r1")},
	} {
		golden.Text(t, "testdata/encode/stream-"+name+".txt", string(bytes.Join(events, nil)))
	}
}

func TestErrorsHaveAnthropicsTypesAndStatus(t *testing.T) {
	for kind, want := range map[api.Kind]struct {
		status int
		name   string
	}{
		api.Invalid: {400, "invalid_request_error"}, api.Unauthenticated: {401, "authentication_error"}, api.Forbidden: {403, "permission_error"},
		api.NotFound: {404, "not_found_error"}, api.TooLong: {400, "invalid_request_error"}, api.RateLimited: {429, "rate_limit_error"},
		api.Unsupported: {400, "invalid_request_error"}, api.Unavailable: {529, "overloaded_error"}, api.Internal: {500, "api_error"},
	} {
		e := &api.Error{Kind: kind, Message: "no"}
		assert.Equal(t, want.status, anthropic.Status(e), kind)
		assert.JSONEq(t, fmt.Sprintf(`{"type": "error", "error": {"type": %q, "message": "no"}, "request_id": "r1"}`, want.name), string(anthropic.EncodeError(e, "r1")))
	}
	large := &api.Error{Kind: api.Invalid, Status: http.StatusRequestEntityTooLarge, Message: "no"}
	assert.Contains(t, string(anthropic.EncodeError(large, "")), "request_too_large")
	long := &api.Error{Kind: api.TooLong, PromptTokens: 9, ContextTokens: 8}
	assert.Contains(t, string(anthropic.EncodeError(long, "")), "prompt is too long: 9 tokens > 8 maximum")
}

func TestASignatureNeedsTheKey(t *testing.T) {
	assert.Equal(t, anthropic.Sign(key, "Hm."), anthropic.Sign(key, "Hm."))
	assert.NotEqual(t, anthropic.Sign(key, "Hm."), anthropic.Sign(key, "Hm"))
	assert.NotEqual(t, anthropic.Sign(key, "Hm."), anthropic.Sign([]byte("another key"), "Hm."))
}
