package server

import (
	stdjson "encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/service"
)

func TestMessages(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	request := fields{"messages": user("What is 17 + 25?"), "temperature": 0, "max_tokens": 20}
	answer := k.post("/v1/messages", request)
	assert.Equal(t, "message", answer["type"])
	assert.Equal(t, "assistant", answer["role"])
	assert.Equal(t, "42", at(answer, "content", 0, "text"))
	assert.Equal(t, "end_turn", answer["stop_reason"])
	assert.Equal(t, 34.0, at(answer, "usage", "input_tokens"))
	assert.Greater(t, at(answer, "usage", "output_tokens"), 0.0)
	assert.NotContains(t, answer, "timings")
	again := k.post("/v1/messages", request)
	assert.Equal(t, 34.0, at(again, "usage", "cache_read_input_tokens"), "the prompt was read before")
	assert.Equal(t, 0.0, at(again, "usage", "input_tokens"))
	assert.Equal(t, fields{"input_tokens": 34.0}, k.post("/v1/messages/count_tokens", fields{"messages": user("What is 17 + 25?")}))

	next := append(user("What is 17 + 25?"), fields{"role": "assistant", "content": answer["content"]}, user("What is 2 + 2?")[0])
	turn := k.post("/v1/messages", fields{"messages": next, "temperature": 0, "max_tokens": 20})
	assert.Greater(t, at(turn, "usage", "cache_read_input_tokens"), 30.0, "only the new turn is read")
	empty := k.post("/v1/messages", fields{"messages": []fields{}, "max_tokens": 2})
	assert.Equal(t, "message", empty["type"])
}

// events sends a request and returns the names of the events of its stream, with those that repeat told once, and their data.
func (k client) events(path string, body fields) (names []string, events []fields) {
	k.Helper()
	body = maps.Clone(body)
	body["stream"] = true
	r, text := k.send("POST", path, body)
	require.Equal(k, http.StatusOK, r.StatusCode, text)
	return readEvents(k.T, text)
}

// readEvents reads a stream of events that have names.
func readEvents(t *testing.T, text string) (names []string, events []fields) {
	t.Helper()
	for _, event := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		name, line, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		require.True(t, ok, event)
		var value fields
		require.NoError(t, stdjson.Unmarshal([]byte(line), &value), line)
		assert.Equal(t, name, value["type"])
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
		events = append(events, value)
	}
	return names, events
}

func TestMessagesAreStreamed(t *testing.T) {
	k := newClient(t, service.Options{})
	names, events := k.events("/v1/messages", fields{"messages": user("What is 17 + 25?"), "temperature": 0, "max_tokens": 20})
	assert.Equal(t, []string{"message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}, names)
	assert.Equal(t, 34.0, at(events[0], "message", "usage", "input_tokens"))
	assert.Empty(t, at(events[0], "message", "content"))
	var said strings.Builder
	for _, e := range events {
		if text, ok := at(e, "delta", "text").(string); ok {
			said.WriteString(text)
		}
	}
	assert.Equal(t, "42", said.String())
	last := events[len(events)-2]
	assert.Equal(t, "end_turn", at(last, "delta", "stop_reason"))
	assert.Greater(t, at(last, "usage", "output_tokens"), 0.0)
}

func TestWhyAMessageEnds(t *testing.T) {
	k := newClient(t, service.Options{})
	request := fields{"messages": user("What is 17 + 25?"), "temperature": 0, "max_tokens": 1}
	short := k.post("/v1/messages", request)
	assert.Equal(t, "max_tokens", short["stop_reason"])
	assert.Nil(t, short["stop_sequence"])
	request["max_tokens"], request["stop_sequences"] = 20, []string{"2", "END"}
	stopped := k.post("/v1/messages", request)
	assert.Equal(t, "stop_sequence", stopped["stop_reason"])
	assert.Equal(t, "2", stopped["stop_sequence"])
	assert.Equal(t, "4", at(stopped, "content", 0, "text"))
	_, events := k.events("/v1/messages", request)
	assert.Equal(t, "2", at(events[len(events)-2], "delta", "stop_sequence"))
	request["max_tokens"] = 0
	assert.Empty(t, k.post("/v1/messages", request)["content"], "the prompt is only read")
}

func TestThoughtsOfMessages(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	k := newClient(t, service.Options{Format: chat.Format{Template: g1}})
	request := fields{"messages": user("ROMEO:"), "seed": 1, "max_tokens": 60, "ignore_eos": true, "thinking": fields{"type": "enabled", "budget_tokens": 12}}
	answer := k.post("/v1/messages", request)
	require.Equal(t, "thinking", at(answer, "content", 0, "type"), "%v", answer)
	assert.NotEmpty(t, at(answer, "content", 0, "thinking"))
	assert.NotEmpty(t, at(answer, "content", 0, "signature"))
	require.Equal(t, "text", at(answer, "content", 1, "type"), "%v", answer)

	names, events := k.events("/v1/messages", request)
	assert.Contains(t, strings.Join(names, " "), "content_block_start content_block_delta content_block_stop content_block_start content_block_delta content_block_stop")
	var thoughts, signature any = "", nil
	for _, e := range events {
		switch at(e, "delta", "type") {
		case "thinking_delta":
			thoughts = thoughts.(string) + at(e, "delta", "thinking").(string)
		case "signature_delta":
			signature = at(e, "delta", "signature")
		}
	}
	assert.Equal(t, at(answer, "content", 0, "thinking"), thoughts)
	assert.Equal(t, at(answer, "content", 0, "signature"), signature)

	request["thinking"] = fields{"type": "enabled", "budget_tokens": 12, "display": "omitted"}
	hidden := k.post("/v1/messages", request)
	assert.Empty(t, at(hidden, "content", 0, "thinking"))
	assert.Equal(t, signature, at(hidden, "content", 0, "signature"))
}

func TestAModelThatDoesNotThinkJustAnswers(t *testing.T) {
	k := newClient(t, service.Options{})
	r, answer := k.do("POST", "/v1/messages", `{"max_tokens":20,"temperature":0,"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"What is 17 + 25?"}]}`)
	assert.Equal(t, http.StatusOK, r.StatusCode, answer)
	assert.Equal(t, "thinking", r.Header.Get("Gosling-Ignored"))
	assert.Contains(t, answer, `"text":"42"`)
}

func TestAnthropicsClientsGetTheirForms(t *testing.T) {
	k := newClient(t, service.Options{Context: 64})
	status, answer := k.ask("POST", "/v1/messages", fields{"messages": user(strings.Repeat("a", 99)), "max_tokens": 5})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, "error", answer["type"])
	assert.Equal(t, "invalid_request_error", at(answer, "error", "type"))
	assert.Contains(t, at(answer, "error", "message"), "prompt is too long")
	assert.NotEmpty(t, answer["request_id"])
	image := []fields{{"role": "user", "content": []fields{{"type": "image"}}}}
	status, answer = k.ask("POST", "/v1/messages", fields{"messages": image, "max_tokens": 5})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, at(answer, "error", "message"), "messages[0].content[0]: is a block of type image")
	for path, want := range map[string]string{
		"/v1/models":      `"has_more":false`,
		"/v1/models/x":    `{"type":"model","id":"demo","display_name":"demo"`,
		"/v1/nothing":     `{"type":"error","error":{"type":"not_found_error"`,
		"/v1/states/none": `{"type":"error","error":{"type":"not_found_error"`,
	} {
		_, text := k.do("GET", path, "", "Anthropic-Version", "2023-06-01")
		assert.Contains(t, text, want)
		_, text = k.do("GET", path, "")
		assert.NotContains(t, text, want)
	}
}

// weather is a function's schema.
var weather = stdjson.RawMessage(`{"type": "object", "properties": {"city": {"type": "string", "maxLength": 6}, "unit": {"enum": ["c", "f"]}}, "required": ["city", "unit"]}`)

func TestMessagesThatCallFunctions(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	request := fields{
		"messages": user("How is it?"), "max_tokens": 300, "temperature": 1, "top_p": 1, "seed": 8, "tool_choice": fields{"type": "any"},
		"tools": []fields{{"name": "weather", "description": "tells the weather", "input_schema": weather}},
	}
	answer := k.post("/v1/messages", request)
	require.Equal(t, "tool_use", answer["stop_reason"], "%v", answer)
	require.Len(t, answer["content"], 1)
	call := at(answer, "content", 0)
	assert.Equal(t, "weather", at(call, "name"))
	assert.Regexp(t, "^toolu_[A-Z2-7]{24}$", at(call, "id"))
	assert.Contains(t, []any{"c", "f"}, at(call, "input", "unit"))

	names, events := k.events("/v1/messages", request)
	assert.Equal(t, []string{"message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}, names)
	var input strings.Builder
	for _, e := range events {
		if piece, ok := at(e, "delta", "partial_json").(string); ok {
			input.WriteString(piece)
		}
	}
	var got any
	require.NoError(t, stdjson.Unmarshal([]byte(input.String()), &got), input.String())
	assert.Equal(t, at(call, "input"), got)
	assert.Equal(t, "tool_use", at(events[len(events)-2], "delta", "stop_reason"))

	require.NoError(t, k.o.Model.Settle(t.Context()))
	request["messages"] = append(user("How is it?"), fields{"role": "assistant", "content": answer["content"]},
		fields{"role": "user", "content": []fields{{"type": "tool_result", "tool_use_id": at(call, "id"), "content": "Sunny"}}})
	request["tool_choice"] = fields{"type": "auto"}
	request["max_tokens"] = 5
	result := k.post("/v1/messages", request)
	assert.Equal(t, "message", result["type"])

	request["tool_choice"], request["max_tokens"] = fields{"type": "any"}, 12
	cut := k.post("/v1/messages", request)
	assert.Equal(t, "max_tokens", cut["stop_reason"])
	assert.Empty(t, cut["content"], "half a call is none")
}

func TestMessagesInAForm(t *testing.T) {
	k := newClient(t, service.Options{})
	format := fields{"type": "json_schema", "schema": fields{"type": "object", "properties": fields{"n": fields{"type": "integer", "minimum": 1, "maximum": 9}}, "required": []string{"n"}, "additionalProperties": false}}
	request := fields{"messages": user(sum), "max_tokens": 100, "temperature": 1, "top_p": 1, "seed": 3, "output_config": fields{"format": format}}
	text, _ := at(k.post("/v1/messages", request), "content", 0, "text").(string)
	assert.Regexp(t, `^\{\s*"n"\s*:\s*[1-9]\s*\}$`, text)
	format["schema"] = fields{"not": fields{}}
	status, answer := k.ask("POST", "/v1/messages", request)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, at(answer, "error", "message"), `output_config.format.schema: #: the keyword "not" is not supported`)
}
