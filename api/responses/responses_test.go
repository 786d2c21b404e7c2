package responses_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/api/responses"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/golden"
	"github.com/gosling-rwkv/gosling/prompt"
)

// A request becomes values, and an answer becomes events.
func Example() {
	r, err := responses.DecodeCreate([]byte(`{"input": "Hi", "instructions": "Honk.", "max_output_tokens": 9}`))
	if err != nil {
		panic(err)
	}
	for _, m := range responses.Messages(r.Instructions, r.Input) {
		fmt.Println(m.Role, m.Text)
	}
	s := responses.Stream{Response: responses.Response{ID: "resp_1", Request: r}, NewID: func(prefix string) string { return prefix + "1" }}
	s.Start()
	s.Text("Honk.", nil, nil)
	s.End(responses.End{Status: responses.Completed, At: time.Unix(2, 0)})
	fmt.Println(s.Response.Output[0].ID, s.Response.Output[0].Content[0].Text, s.Response.Status)
	// Output:
	// system Honk.
	// user Hi
	// msg_1 Honk. completed
}

var endpoints = apitest.Endpoints{"create": apitest.Decoder(responses.DecodeCreate)}

func TestRequestsAreDecoded(t *testing.T) { apitest.Requests(t, endpoints) }

// FuzzRequests decodes any body. What is accepted is a conversation that has a prompt, and that is the same after it was kept.
func FuzzRequests(f *testing.F) {
	f.Add([]byte(`{"input":[{"type":"function_call","call_id":"","name":"\ud800","arguments":"1"},{"type":"function_call_output","call_id":"","output":[]}],"metadata":{"a":null}}`))
	apitest.Fuzz(f, endpoints, func(t *testing.T, request any) {
		r := request.(*responses.Request)
		require.NotEmpty(t, r.Input)
		require.Equal(t, 1, r.Choices)
		require.True(t, r.Limit == nil || *r.Limit >= 0)
		messages := responses.Messages(r.Instructions, r.Input)
		if _, err := (chat.Format{}).Prompt(messages, chat.Reply); err != nil {
			require.EqualError(t, err, "no message to answer")
		}
		if r.Think != "" {
			_, err := prompt.ParseThink(r.Think)
			require.NoError(t, err)
		}
		response := responses.Response{Request: r, Output: r.Input}
		kept, err := responses.DecodeRecord(responses.EncodeRecord(responses.Record{Response: responses.Encode(response), Input: r.Input}))
		require.NoError(t, err)
		all, err := kept.Conversation()
		require.NoError(t, err)
		require.Equal(t, responses.Messages("", r.Input, r.Input), responses.Messages("", all))
	})
}

// request is what the responses of the tests answer.
func request(t *testing.T, body string) *responses.Request {
	t.Helper()
	r, err := responses.DecodeCreate([]byte(body))
	require.NoError(t, err)
	return r
}

// newStream returns a stream whose ids are numbers.
func newStream(r *responses.Request) *responses.Stream {
	n := 0
	return &responses.Stream{
		Response: responses.Response{ID: "resp_0123456789", Model: "rwkv7-g1", Created: time.Unix(1790000000, 0), Request: r, Temperature: 1, TopP: 0.5},
		NewID:    func(prefix string) string { n++; return fmt.Sprintf("%s%d", prefix, n) },
	}
}

var (
	usage    = api.Usage{Prompt: 12, Cached: 8, Completion: 5, Reasoning: 2}
	timings  = api.Timings{Cached: 8, Prompt: 4, Predicted: 5, Read: 20 * time.Millisecond, Decoded: 100 * time.Millisecond}
	progress = api.Progress{Total: 12, Cached: 8, Read: 10, Time: 5 * time.Millisecond}
	tokens   = []api.Token{{ID: 261, Text: "<Hi>", Bytes: []byte("<Hi>"), Logprob: -0.25, Top: []api.Token{{ID: 5, Text: "x", Bytes: []byte("x"), Logprob: -9}}}}
	end      = responses.End{Status: responses.Completed, At: time.Unix(1790000001, 0), Usage: usage}
)

func TestStreamsAreEncoded(t *testing.T) {
	plain := newStream(request(t, `{"input": "Hi"}`))
	everything := newStream(request(t, `{"input": "Hi", "background": true, "top_logprobs": 1, "user": "u", "metadata": {"a": "b"}, "reasoning": {"effort": "low"}, "truncation": "auto",
		"instructions": "Honk.", "previous_response_id": "resp_0", "max_output_tokens": 9, "parallel_tool_calls": false, "text": {"format": {"type": "text"}}}`))
	limited, cancelled, failed := newStream(plain.Response.Request), newStream(plain.Response.Request), newStream(plain.Response.Request)
	cut, stopped, telling := end, end, end
	cut.Status, stopped.Status = responses.Incomplete, responses.Cancelled
	telling.Timings, telling.State = &timings, &api.StateInfo{ID: "state-1"}
	for name, steps := range map[string][][][]byte{
		"plain": {plain.Start(), plain.Text("Hi", nil, nil), plain.Text("", nil, nil), plain.Text(" <é>", nil, nil), plain.End(end), {plain.Last()}},
		"everything": {everything.Start(), everything.Progress(&progress), everything.Thoughts("Hm", nil), everything.Thoughts("", nil), everything.Thoughts(".", &timings),
			everything.Text("<Hi>", tokens, &timings), everything.Text("", tokens[:1], nil), everything.Call("call_1", "f"), everything.Arguments(`{"a":`, &timings), everything.Arguments("", nil), everything.Arguments("1}", nil),
			everything.Call("call_2", "g"), everything.End(telling), {everything.Last()}},
		"incomplete": {limited.Start(), limited.Text("Hi", nil, nil), limited.End(cut), {limited.Last()}},
		"cancelled":  {cancelled.Start(), cancelled.End(stopped), {cancelled.Last()}},
		"failed":     {failed.Start(), failed.Text("Hi", nil, nil), failed.Fail(&api.Error{Kind: api.RateLimited, Message: "the model is busy"}), {failed.Last()}},
	} {
		var all []byte
		for _, events := range steps {
			all = append(all, bytes.Join(events, nil)...)
		}
		golden.Text(t, "testdata/encode/stream-"+name+".txt", string(all))
	}
	golden.Text(t, "testdata/encode/everything.json", string(responses.Encode(everything.Response))+"\n")
}

func TestListsAreEncoded(t *testing.T) {
	r := request(t, `{"input": [{"role": "user", "content": "Hi"}, {"type": "reasoning", "summary": []}, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}`)
	n := 0
	responses.Identify(r.Input, func(prefix string) string { n++; return fmt.Sprintf("%s%d", prefix, n) })
	for name, got := range map[string][]byte{
		"items":        responses.EncodeItems(r.Input, true),
		"items-none":   responses.EncodeItems(nil, false),
		"deleted":      responses.EncodeDeleted("resp_1"),
		"input-tokens": responses.EncodeInputTokens(12),
	} {
		golden.Text(t, "testdata/encode/"+name+".json", string(got)+"\n")
	}
}

func TestAConversationGoesOnFromARecord(t *testing.T) {
	s := newStream(request(t, `{"input": "Weather?", "instructions": "Honk."}`))
	s.Start()
	s.Thoughts("Hm.", nil)
	s.Text("I look.", nil, nil)
	s.Call("call_1", "f")
	s.Arguments(`{"a": 1}`, nil)
	s.End(end)
	kept, err := responses.DecodeRecord(responses.EncodeRecord(responses.Record{Response: responses.Encode(s.Response), Input: s.Response.Request.Input}))
	require.NoError(t, err)
	all, err := kept.Conversation()
	require.NoError(t, err)
	next := request(t, `{"input": [{"type": "function_call_output", "call_id": "call_1", "output": "Sunny"}]}`)
	assert.Equal(t, []chat.Message{
		{Role: chat.User, Text: "Weather?"}, {Role: chat.Assistant, Text: "I look."},
		{Role: chat.Assistant, Text: chat.WithCalls("", chat.Called{Name: "f", Arguments: []byte(`{"a":1}`)})}, {Role: chat.Tool, Text: "Sunny"},
	}, responses.Messages("", all, next.Input))

	s = newStream(request(t, `{"input": "Weather?"}`))
	s.Start()
	s.Call("call_1", "f")
	s.Arguments(`{"a":`, nil)
	s.End(end)
	kept = responses.Record{Response: responses.Encode(s.Response), Input: s.Response.Request.Input}
	all, err = kept.Conversation()
	require.NoError(t, err)
	assert.Equal(t, []chat.Message{{Role: chat.User, Text: "Weather?"}}, responses.Messages("", all), "half a call is none")
	for _, damaged := range []string{"", "{}", `{"response": 5, "input": 1}`} {
		_, err := responses.DecodeRecord([]byte(damaged))
		assert.Error(t, err)
	}
}
