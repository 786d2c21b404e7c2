package server

import (
	stdjson "encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/service"
)

// functions are two tools in OpenAI's form.
var functions = []fields{
	{"type": "function", "function": fields{"name": "weather", "description": "tells the weather", "parameters": stdjson.RawMessage(
		`{"type": "object", "properties": {"city": {"type": "string", "maxLength": 6}, "unit": {"enum": ["c", "f"]}}, "required": ["city", "unit"]}`)}},
	{"type": "function", "function": fields{"name": "stop"}},
}

// called checks the call of an answer and returns its name and arguments.
func called(t *testing.T, answer fields) (name, arguments string) {
	t.Helper()
	assert.Nil(t, at(answer, "choices", 0, "message", "content"))
	assert.Equal(t, "tool_calls", at(answer, "choices", 0, "finish_reason"), answer)
	require.Len(t, at(answer, "choices", 0, "message", "tool_calls"), 1)
	call := at(answer, "choices", 0, "message", "tool_calls", 0)
	assert.Regexp(t, regexp.MustCompile("^call_[A-Z2-7]{24}$"), at(call, "id"))
	assert.Equal(t, "function", at(call, "type"))
	name, _ = at(call, "function", "name").(string)
	arguments, _ = at(call, "function", "arguments").(string)
	return name, arguments
}

// isWeather checks the arguments of a call.
func isWeather(t *testing.T, arguments string) {
	t.Helper()
	var a struct{ City, Unit *string }
	require.NoError(t, stdjson.Unmarshal([]byte(arguments), &a), arguments)
	require.NotNil(t, a.City)
	assert.LessOrEqual(t, len([]rune(*a.City)), 6)
	assert.Contains(t, []string{"c", "f"}, *a.Unit)
}

func TestRequiredCalls(t *testing.T) {
	named := fields{"type": "function", "function": fields{"name": "weather"}}
	for name, tc := range map[string]struct {
		format chat.Format
		change fields
	}{
		"required":              {chat.Format{}, fields{"tool_choice": "required"}},
		"a named one":           {chat.Format{}, fields{"tool_choice": named}},
		"all ends are ignored":  {chat.Format{}, fields{"tool_choice": named, "ignore_eos": true}},
		"behind thoughts":       {g1(t), fields{"tool_choice": named, "think": "on", "think_budget": 5}},
		"behind empty thoughts": {g1(t), fields{"tool_choice": "required", "think": "fast"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newClient(t, service.Options{Format: tc.format})
			request := fields{"messages": user("How is it?"), "tools": functions, "max_tokens": 300, "parallel_tool_calls": true, "temperature": 1, "top_p": 1, "seed": 8}
			for field, value := range tc.change {
				request[field] = value
			}
			answer := k.post("/v1/chat/completions", request)
			function, arguments := called(t, answer)
			if function != "stop" || request["tool_choice"] != "required" {
				assert.Equal(t, "weather", function)
				isWeather(t, arguments)
			}
			gotName, gotArguments, pieces := "", "", 0
			events := k.stream("/v1/chat/completions", request)
			for i, e := range events {
				call := at(e, "choices", 0, "delta", "tool_calls", 0)
				if call == nil {
					continue
				}
				assert.Equal(t, 0.0, at(call, "index"))
				if pieces == 0 {
					assert.Regexp(t, "^call_", at(call, "id"))
					gotName = at(call, "function", "name").(string)
				} else {
					assert.Nil(t, at(call, "id"), i)
				}
				gotArguments += at(call, "function", "arguments").(string)
				pieces++
			}
			assert.Equal(t, function, gotName)
			assert.Equal(t, arguments, gotArguments)
			assert.Equal(t, "tool_calls", at(events[len(events)-1], "choices", 0, "finish_reason"))
			if function == "weather" {
				assert.Greater(t, pieces, 5, "arguments come as they are generated")
			}
		})
	}
}

// TestACallThatTheModelBegins uses a grammar for the words, so that the model begins what it would not by itself.
func TestACallThatTheModelBegins(t *testing.T) {
	// The fence is the only way to begin with something else than what is banned.
	request := fields{
		"messages": user("How is it?"), "tools": functions, "grammar": `root ::= "Never"`, "logit_bias": []any{[]any{"N", false}},
		"max_tokens": 300, "temperature": 1, "seed": 4,
	}
	k := newClient(t, service.Options{Format: g1(t)})
	name, arguments := called(t, k.post("/v1/chat/completions", request))
	assert.Contains(t, []string{"weather", "stop"}, name)
	assert.True(t, stdjson.Valid([]byte(arguments)))

	request["tools"] = []fields{{"type": "function", "function": fields{"name": "any", "parameters": fields{"properties": fields{"x": fields{"not": fields{}}}}}}}
	request["max_tokens"] = 60
	answer := k.post("/v1/chat/completions", request)
	assert.Equal(t, "any", at(answer, "choices", 0, "message", "tool_calls", 0, "function", "name"), "any object stands for a schema that cannot be taken")
	assert.Regexp(t, `^\{`, at(answer, "choices", 0, "message", "tool_calls", 0, "function", "arguments"))

	answer = k.post("/v1/chat/completions", fields{"messages": user("How is it?"), "tools": functions, "max_tokens": 20})
	assert.NotEmpty(t, at(answer, "choices", 0, "message", "content"))
	assert.Nil(t, at(answer, "choices", 0, "message", "tool_calls"))
}

func TestNoCallsWhereNoneMayBe(t *testing.T) {
	k := newClient(t, service.Options{Format: g1(t)})
	request := fields{"messages": user("How is it?"), "max_tokens": 10}
	plain := k.post("/v1/chat/completions", request)
	request["tools"], request["tool_choice"] = functions, "none"
	assert.Equal(t, plain["choices"], k.post("/v1/chat/completions", request)["choices"])
	assert.Equal(t, at(plain, "usage", "prompt_tokens"), at(k.post("/v1/chat/completions", request), "usage", "prompt_tokens"), "the functions are left out")
}

func TestSchemasOfCallsThatCannotBe(t *testing.T) {
	k := newClient(t, service.Options{})
	tools := []fields{{"type": "function", "function": fields{"name": "f", "parameters": fields{"type": "object", "properties": fields{"x": fields{"not": fields{}}}}}}}
	status, answer := k.ask("POST", "/v1/chat/completions", fields{"messages": user("Hi"), "tools": tools, "tool_choice": "required"})
	assert.Equal(t, 400, status)
	assert.Equal(t, `tools[0].function.parameters: #/properties/x: the keyword "not" is not supported`, at(answer, "error", "message"))
}

// TestAChainOfCallsIsReadOnce sends calls and results back as clients do: with the arguments written anew.
func TestAChainOfCallsIsReadOnce(t *testing.T) {
	model := newModel(t, service.Options{Cache: 64 << 20, Name: "demo"})
	k := client{trial: start(t, Options{Model: model})}
	messages := []fields{{"role": "system", "content": strings.Repeat("Geese know the weather. ", 12)}, {"role": "user", "content": "How is it?"}}
	before := 0.0
	for turn := range 3 {
		request := fields{"messages": messages, "tools": functions[:1], "tool_choice": "required", "max_tokens": 200, "temperature": 1, "seed": 3 + turn}
		answer := k.post("/v1/chat/completions", request)
		require.NoError(t, model.Settle(t.Context()))
		name, arguments := called(t, answer)
		prompt, _ := at(answer, "usage", "prompt_tokens").(float64)
		cached, _ := at(answer, "usage", "prompt_tokens_details", "cached_tokens").(float64)
		if turn > 0 {
			assert.LessOrEqual(t, prompt-cached, 120.0, "of %v tokens", prompt)
			assert.GreaterOrEqual(t, cached, before, "all of the turn before but the way that the answer began")
		}
		before = prompt
		var value any
		require.NoError(t, stdjson.Unmarshal([]byte(arguments), &value))
		again, err := stdjson.MarshalIndent(value, "", "  ")
		require.NoError(t, err)
		messages = append(messages,
			fields{"role": "assistant", "content": nil, "tool_calls": []fields{{"id": "call_1", "type": "function", "function": fields{"name": name, "arguments": string(again)}}}},
			fields{"role": "tool", "tool_call_id": "call_1", "content": `{"sky": "grey"}`})
	}
}
