package server

import (
	"bufio"
	stdjson "encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/demotest"
	"github.com/gosling-rwkv/gosling/service"
)

// newModel serves the built-in model.
func newModel(t *testing.T, o service.Options) *service.Model {
	t.Helper()
	m, err := service.New(demotest.Model(t), o)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

// fields is a JSON object.
type fields = map[string]any

// client asks a server of the built-in model.
type client struct {
	*trial
	key string
}

func newClient(t *testing.T, o service.Options) client {
	t.Helper()
	o.Name = "demo"
	return client{trial: start(t, Options{Model: newModel(t, o)})}
}

// send sends a value as JSON and returns the response and its whole body.
func (k client) send(method, path string, body any) (*http.Response, string) {
	k.Helper()
	text := ""
	if body != nil {
		data, err := stdjson.Marshal(body)
		require.NoError(k, err)
		text = string(data)
	}
	var header []string
	if k.key != "" {
		header = []string{"Authorization", "Bearer " + k.key}
	}
	return k.do(method, path, text, header...)
}

// ask sends a request and returns the status and the answer.
func (k client) ask(method, path string, body any) (int, fields) {
	k.Helper()
	r, answer := k.send(method, path, body)
	var value fields
	require.NoError(k, stdjson.Unmarshal([]byte(answer), &value), answer)
	return r.StatusCode, value
}

// post sends a request that must succeed.
func (k client) post(path string, body any) fields {
	k.Helper()
	status, answer := k.ask("POST", path, body)
	require.Less(k, status, 300, "%v", answer)
	return answer
}

// stream sends a request and returns the events' data.
func (k client) stream(path string, body fields) (events []fields) {
	k.Helper()
	body = maps.Clone(body)
	body["stream"] = true
	r, text := k.send("POST", path, body)
	require.Equal(k, http.StatusOK, r.StatusCode, text)
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || line == "[DONE]" {
			continue
		}
		var event fields
		require.NoError(k, stdjson.Unmarshal([]byte(line), &event), line)
		events = append(events, event)
	}
	return events
}

// at returns a value inside of objects and arrays: the fields' names and the elements' numbers lead there.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := value.(fields)
			value = m[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

func user(text string) []fields { return []fields{{"role": "user", "content": text}} }

func TestChatCompletions(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	request := fields{"messages": user("What is 17 + 25?"), "temperature": 0}
	answer := k.post("/v1/chat/completions", request)
	assert.Equal(t, "42", at(answer, "choices", 0, "message", "content"))
	assert.Equal(t, "stop", at(answer, "choices", 0, "finish_reason"))
	assert.Equal(t, "demo", answer["model"])
	assert.Equal(t, 34.0, at(answer, "usage", "prompt_tokens"))
	again := k.post("/v1/chat/completions", request)
	assert.Equal(t, 34.0, at(again, "usage", "prompt_tokens_details", "cached_tokens"), "the prompt was read before")
	assert.Equal(t, "42", at(again, "choices", 0, "message", "content"))

	request["stream_options"] = fields{"include_usage": true}
	events := k.stream("/v1/chat/completions", request)
	var said strings.Builder
	for i, e := range events {
		assert.Equal(t, events[0]["id"], e["id"])
		if text, ok := at(e, "choices", 0, "delta", "content").(string); ok {
			said.WriteString(text)
		}
		if i == 0 {
			assert.Equal(t, "assistant", at(e, "choices", 0, "delta", "role"))
		}
	}
	assert.Equal(t, "42", said.String())
	assert.Equal(t, "stop", at(events[len(events)-2], "choices", 0, "finish_reason"))
	assert.Equal(t, 34.0, at(events[len(events)-1], "usage", "prompt_tokens"))
}

func TestChoicesLogprobsAndSeeds(t *testing.T) {
	k := newClient(t, service.Options{})
	request := fields{"messages": user("Capitals: red wine"), "n": 3, "seed": 4, "temperature": 1, "top_p": 1, "logprobs": true, "top_logprobs": 2, "max_tokens": 12}
	answer := k.post("/v1/chat/completions", request)
	require.Len(t, answer["choices"], 3)
	for i := range 3 {
		var joined strings.Builder
		tokens, _ := at(answer, "choices", i, "logprobs", "content").([]any)
		for _, token := range tokens {
			joined.WriteString(at(token, "token").(string))
			assert.Len(t, at(token, "top_logprobs"), 2)
		}
		assert.Equal(t, at(answer, "choices", i, "message", "content"), joined.String())
	}
	assert.Equal(t, answer["choices"], k.post("/v1/chat/completions", request)["choices"], "the seed repeats the texts")
}

func TestCompletions(t *testing.T) {
	k := newClient(t, service.Options{})
	request := fields{"prompt": []string{"ROMEO:", "JULIET:\nO"}, "max_tokens": 8, "temperature": 0, "echo": true, "logprobs": 1}
	answer := k.post("/v1/completions", request)
	require.Len(t, answer["choices"], 2)
	for i, prompt := range []string{"ROMEO:", "JULIET:\nO"} {
		text := at(answer, "choices", i, "text").(string)
		assert.True(t, strings.HasPrefix(text, prompt))
		assert.Len(t, text, len(prompt)+8)
		tokens, _ := at(answer, "choices", i, "logprobs", "tokens").([]any)
		assert.Len(t, tokens, len(text))
		assert.Nil(t, at(answer, "choices", i, "logprobs", "token_logprobs", 0))
		assert.Less(t, at(answer, "choices", i, "logprobs", "token_logprobs", 1), 0.0)
	}
	events := k.stream("/v1/completions", request)
	texts := map[any]string{}
	for _, e := range events {
		if text, ok := at(e, "choices", 0, "text").(string); ok {
			texts[at(e, "choices", 0, "index")] += text
		}
	}
	assert.Equal(t, at(answer, "choices", 0, "text"), texts[0.0])
	ids := k.post("/v1/completions", fields{"prompt": []int{83, 80, 78, 70, 80, 59}, "max_tokens": 8, "temperature": 0, "echo": true})
	assert.Equal(t, at(answer, "choices", 0, "text"), at(ids, "choices", 0, "text"), "tokens are echoed as text")
	assert.Equal(t, at(answer, "choices", 1, "text"), texts[1.0])

	best := k.post("/v1/completions", fields{"prompt": "ROMEO:", "max_tokens": 5, "best_of": 4, "seed": 1, "temperature": 2, "top_p": 1})
	require.Len(t, best["choices"], 1)
	assert.Equal(t, 20.0, at(best, "usage", "completion_tokens"))
	tokens := k.post("/v1/completions", fields{"prompt": []int{83, 80}, "max_tokens": 1, "echo": true, "logprobs": 0, "verbose": true})
	assert.True(t, strings.HasPrefix(at(tokens, "choices", 0, "text").(string), "RO"), "tokens are echoed as their text")
	assert.Equal(t, []any{0.0, 1.0, 2.0}, at(tokens, "choices", 0, "logprobs", "text_offset"))
	assert.Equal(t, "RO", at(tokens, "__verbose", "prompt"))
	warm := k.post("/v1/completions", fields{"prompt": "ROMEO:", "max_tokens": 0})
	assert.Empty(t, at(warm, "choices", 0, "text"))
}

func TestEmbeddings(t *testing.T) {
	k := newClient(t, service.Options{})
	answer := k.post("/v1/embeddings", fields{"input": []string{"goose", "a goose"}, "dimensions": 4})
	assert.Len(t, answer["data"], 2)
	assert.Len(t, at(answer, "data", 1, "embedding"), 4)
	for _, count := range []int{0, 4} {
		body := fields{"input": "goose"}
		if count > 0 {
			body["dimensions"] = count
		}
		sum := 0.0
		for _, x := range at(k.post("/v1/embeddings", body), "data", 0, "embedding").([]any) {
			sum += x.(float64) * x.(float64)
		}
		assert.InDelta(t, 1, sum, 1e-4, "the length is 1")
	}
	assert.Equal(t, 12.0, at(answer, "usage", "total_tokens"))
}

func TestErrorsOfRequests(t *testing.T) {
	k := newClient(t, service.Options{Context: 64})
	for name, tc := range map[string]struct {
		path   string
		body   fields
		status int
		param  any
		kind   string
	}{
		"too long":         {"/v1/completions", fields{"prompt": strings.Repeat("a", 64)}, 400, nil, "exceed_context_size_error"},
		"no such state":    {"/v1/completions", fields{"prompt": "a", "state": "x"}, 404, "state", "not_found_error"},
		"a damaged state":  {"/v1/completions", fields{"prompt": "a", "state": fields{"data": "R1NM"}}, 400, "state", "invalid_request_error"},
		"an unknown token": {"/v1/completions", fields{"prompt": []int{999}}, 400, nil, "invalid_request_error"},
		"several states":   {"/v1/completions", fields{"prompt": "a", "n": 2, "save_state": "x"}, 400, "n", "invalid_request_error"},
		"a wrong name":     {"/v1/completions", fields{"prompt": "a", "save_state": "../x"}, 400, "save_state", "invalid_request_error"},
		"no name":          {"/v1/completions", fields{"prompt": "a", "save_state": "a/b"}, 400, "save_state", "invalid_request_error"},
		"no message":       {"/v1/chat/completions", fields{"messages": []fields{}}, 400, "messages", "invalid_request_error"},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := k.ask("POST", tc.path, tc.body)
			assert.Equal(t, tc.status, status, "%v", answer)
			assert.Equal(t, tc.kind, at(answer, "error", "type"))
			assert.Equal(t, tc.param, at(answer, "error", "param"))
		})
	}
}
