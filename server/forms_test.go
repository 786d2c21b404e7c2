package server

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/service"
)

const person = `{"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 150}}, "required": ["name", "age"]}`

// g1 is the format of models that think and call functions.
func g1(t *testing.T) chat.Format {
	t.Helper()
	template, err := prompt.Named("g1")
	require.NoError(t, err)
	return chat.Format{Template: template}
}

// isPerson checks that a text is valid JSON of the schema person.
func isPerson(t *testing.T, text any) {
	t.Helper()
	var p struct {
		Name *string
		Age  *int
	}
	require.NoError(t, stdjson.Unmarshal([]byte(text.(string)), &p), text)
	require.NotNil(t, p.Name)
	require.NotNil(t, p.Age)
	assert.LessOrEqual(t, *p.Age, 150)
}

func TestAnswersHaveTheFormThatIsAskedFor(t *testing.T) {
	k := newClient(t, service.Options{Cache: 64 << 20})
	schema := stdjson.RawMessage(person)
	for name, form := range map[string]fields{
		"response_format, strict": {"response_format": fields{"type": "json_schema", "json_schema": fields{"name": "person", "strict": true, "schema": schema}}},
		"response_format":         {"response_format": fields{"type": "json_object", "schema": schema}},
		"json_schema":             {"json_schema": schema},
		"all ends are ignored":    {"json_schema": schema, "ignore_eos": true},
		"several answers":         {"json_schema": schema, "n": 3},
	} {
		t.Run(name, func(t *testing.T) {
			request := fields{"messages": user("Who?"), "temperature": 1, "top_p": 1, "seed": 5, "max_tokens": 200}
			for field, value := range form {
				request[field] = value
			}
			answer := k.post("/v1/chat/completions", request)
			for i := range answer["choices"].([]any) {
				isPerson(t, at(answer, "choices", i, "message", "content"))
				assert.Equal(t, "stop", at(answer, "choices", i, "finish_reason"))
			}
			var said strings.Builder
			for _, e := range k.stream("/v1/chat/completions", request) {
				if text, ok := at(e, "choices", 0, "delta", "content").(string); ok && at(e, "choices", 0, "index") == 0.0 {
					said.WriteString(text)
				}
			}
			assert.Equal(t, at(answer, "choices", 0, "message", "content"), said.String())
		})
	}
	for path, content := range map[string][]any{"/v1/completions": {"choices", 0, "text"}, "/completion": {"content"}} {
		answer := k.post(path, fields{"prompt": "A person: ", "json_schema": schema, "seed": 5, "max_tokens": 200})
		isPerson(t, at(answer, content...))
		answer = k.post(path, fields{"prompt": "Sure: ", "grammar": `root ::= "yes"{3} | "no"{3}`})
		assert.Contains(t, []any{"yesyesyes", "nonono"}, at(answer, content...))
		assert.NotEqual(t, "limit", answer["stop_type"])
	}
}

func TestAFormFollowsThoughts(t *testing.T) {
	k := newClient(t, service.Options{Format: g1(t)})
	request := fields{"messages": user("Who?"), "json_schema": stdjson.RawMessage(person), "think": "on", "think_budget": 7, "max_tokens": 300, "temperature": 1, "seed": 3}
	answer := k.post("/v1/chat/completions", request)
	isPerson(t, at(answer, "choices", 0, "message", "content"))
	assert.NotEmpty(t, at(answer, "choices", 0, "message", "reasoning_content"))
	assert.LessOrEqual(t, at(answer, "usage", "completion_tokens_details", "reasoning_tokens"), 7.0+float64(len("\n</think>")))
	delete(request, "think_budget") // the model may think until its limit, but says nothing else than a person
	request["max_tokens"] = 60
	answer = k.post("/v1/chat/completions", request)
	assert.NotNil(t, at(answer, "choices", 0, "message", "reasoning_content"))
	for _, think := range []string{"off", "fast", "empty"} {
		request["think"], request["max_tokens"] = think, 200
		isPerson(t, at(k.post("/v1/chat/completions", request), "choices", 0, "message", "content"))
	}
}

func TestAnAnswerIsContinuedInItsForm(t *testing.T) {
	k := newClient(t, service.Options{})
	const begun = `{"name": "Ada", "a`
	request := fields{"messages": append(user("Who?"), fields{"role": "assistant", "content": begun}), "json_schema": stdjson.RawMessage(person), "max_tokens": 100}
	answer := k.post("/v1/chat/completions", request)
	isPerson(t, begun+at(answer, "choices", 0, "message", "content").(string))
	request["messages"].([]fields)[1]["content"] = "Honk."
	status, answer := k.ask("POST", "/v1/chat/completions", request)
	assert.Equal(t, 400, status)
	assert.Contains(t, at(answer, "error", "message"), `does not allow "H"`)
}

func TestFormsThatCannotBe(t *testing.T) {
	k := newClient(t, service.Options{})
	for name, tc := range map[string]struct {
		form    fields
		message string
		param   any
	}{
		"a grammar":         {fields{"grammar": "root ::= yes"}, `grammar: line 1, column 10: rule "yes" is not defined`, "grammar"},
		"a schema":          {fields{"json_schema": fields{"type": "hiccup"}}, `json_schema: #: unknown type "hiccup"`, "json_schema"},
		"a nested one":      {fields{"response_format": fields{"type": "json_schema", "json_schema": fields{"schema": fields{"items": fields{"not": fields{}}}}}}, `response_format.json_schema.schema: #/items: the keyword "not" is not supported`, "response_format.json_schema.schema"},
		"what does not fit": {fields{"grammar": `root ::= "aa"`, "logit_bias": []any{[]any{"a", false}}}, "logit_bias: at byte 1 of the text: all tokens that fit are banned", "logit_bias"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.form["messages"] = user("Hi")
			status, answer := k.ask("POST", "/v1/chat/completions", tc.form)
			assert.Equal(t, 400, status, answer)
			assert.Equal(t, tc.message, at(answer, "error", "message"))
			assert.Equal(t, tc.param, at(answer, "error", "param"))
		})
	}
}
