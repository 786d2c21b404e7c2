package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// prompts reads the prompts of a request.
func prompts(t *testing.T, value string) ([]api.Prompt, error) {
	t.Helper()
	o, err := api.Parse([]byte(`{"prompt": ` + value + `}`))
	require.NoError(t, err)
	list := o.Prompts("prompt", api.MaxPrompts)
	_, err = o.Finish()
	return list, err
}

func TestPromptsBecomeTokens(t *testing.T) {
	v := tokenizer.Bytes() // a byte's token is one above it
	for value, want := range map[string][][]tokenizer.Token{
		`"ab"`:                                {{98, 99}},
		`[98, 99]`:                            {{98, 99}},
		`[1, 2, "ab", 3, "\"", ""]`:           {{1, 2, 98, 99, 3, 35}},
		`["a", "b"]`:                          {{98}, {99}},
		`[[1], "a", [2, "a"], ["a", "b"]]`:    {{1}, {98}, {2, 98}, {98, 99}},
		`{"prompt_string": "a"}`:              {{98}},
		`[{"prompt_string": "[1"}, [3], "1"]`: {{92, 50}, {3}, {50}},
	} {
		list, err := prompts(t, value)
		require.NoError(t, err, value)
		require.Len(t, list, len(want), value)
		for i, p := range list {
			got, err := p.Encode(v)
			require.NoError(t, err, value)
			assert.Equal(t, want[i], got, value)
			assert.False(t, p.Empty())
		}
	}
	list, err := prompts(t, `[5, "a", 999]`)
	require.NoError(t, err)
	_, err = list[0].Encode(v)
	var bad *api.Error
	require.ErrorAs(t, err, &bad)
	assert.EqualError(t, err, fmt.Sprintf("token 999: the vocabulary has %d tokens", v.Len()))
	assert.True(t, api.Prompt{}.Empty())
}

func TestAPromptHasAtMostSoManyParts(t *testing.T) {
	pairs := strings.Repeat(`1, "a", `, api.MaxParts/2)
	list, err := prompts(t, "["+pairs[:len(pairs)-2]+"]")
	require.NoError(t, err)
	assert.Len(t, list[0].Parts, api.MaxParts)
	_, err = prompts(t, "["+pairs+"1]")
	assert.ErrorContains(t, err, "prompt: has more than 1024 texts and runs of token ids")
}

func TestAToolIsToldFromAMistake(t *testing.T) {
	f := `{"type": "function", "function": {"name": "f", "parameters": {}}}`
	for body, want := range map[string]string{
		`"tools": []`: "",
		`"tools": [` + f + `], "tool_choice": "none"`:                                          "",
		`"functions": [{"name": "f"}], "function_call": "none"`:                                "",
		`"tools": [` + f + `]`:                                                                 "",
		`"tools": [` + f + `], "tool_choice": {"type": "function", "function": {"name": "f"}}`: "",
		`"functions": [{"name": "f"}], "function_call": {"name": "f"}`:                         "functions: is an old name: use tools",
		`"tools": [` + f + `], "tool_choice": {"type": "function", "function": {"name": "g"}}`: `tool_choice: "g" is not in tools`,
		`"tools": [` + f + `], "tool_choice": {"type": "allowed_tools"}`:                       `tool_choice.type: "allowed_tools": want "function"`,
		`"tools": [` + f + `], "tool_choice": "f"`:                                             `tool_choice: "f": want none, auto, required or a function`,
		`"tools": [` + f + `], "functions": [{"name": "f"}]`:                                   "functions: is an old name: use tools",
		`"tool_choice": "required"`:                                                            "tool_choice: there are no tools to choose from",
		`"tools": [{"type": "web_search"}]`:                                                    `tools[0].type: "web_search": want "function"`,
		`"tools": [{"type": "function"}]`:                                                      "tools[0].function: is missing",
		`"tools": [{"type": "function", "function": {}}]`:                                      "tools[0].function.name: is missing",
		`"tools": [{"type": "function", "function": {"name": "f", "parameters": 1}}]`:          "tools[0].function.parameters: want an object",
		`"tools": 1`: "tools: want an array",
	} {
		o, err := api.Parse([]byte(`{"messages": [{"role": "user", "content": "Hi"}], ` + body + `}`))
		require.NoError(t, err)
		o.Conversation()
		if _, err = o.Finish(); want == "" {
			assert.NoError(t, err, body)
		} else {
			assert.ErrorContains(t, err, want, body)
		}
	}
}

func TestASchemaIsToldFromAMistake(t *testing.T) {
	for body, want := range map[string]string{
		`{"response_format": {"type": "text"}}`:                                       "",
		`{"grammar": ""}`:                                                             "",
		`{"response_format": {"type": "json_object"}}`:                                "",
		`{"response_format": {"type": "json_object", "schema": {"const": "42"}}}`:     "",
		`{"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}`: "",
		`{"json_schema": {}}`:                                                         "",
		`{"grammar": "root ::= \"a\""}`:                                               "",
		`{"response_format": {"type": "json_object", "schema": 123}}`:                 "response_format.schema: want an object, not a number",
		`{"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}`:  "response_format.json_schema.schema: is missing",
		`{"response_format": {"type": "json_schema"}}`:                                "response_format.json_schema: is missing",
		`{"response_format": {"type": "sound"}}`:                                      `response_format.type: "sound": want text, json_object or json_schema`,
		`{"response_format": {}}`:                                                     "response_format.type: is missing",
		`{"response_format": {"type": "json_object"}, "json_schema": {}}`:             "response_format: cannot stand together with json_schema",
	} {
		o, err := api.Parse([]byte(body))
		require.NoError(t, err)
		o.Form()
		if _, err = o.Finish(); want == "" {
			assert.NoError(t, err, body)
		} else {
			assert.ErrorContains(t, err, want, body)
		}
	}
}

func TestAFormKnowsItsPlace(t *testing.T) {
	for body, want := range map[string]string{
		`{"response_format": {"type": "json_object", "schema": {"type": 1}}}`:                  "response_format.schema: #: type is not a text",
		`{"response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}}`: `response_format.json_schema.schema: #: the keyword "not" is not supported`,
		`{"json_schema": {"items": {"if": {}}}}`:                                               `json_schema: #/items: the keyword "if" is not supported`,
		`{"grammar": "root ::= x"}`:                                                            "grammar: line 1, column 10",
	} {
		o, err := api.Parse([]byte(body))
		require.NoError(t, err)
		form := o.Form()
		require.NotNil(t, form, body)
		_, err = grammar.New(*form)
		assert.ErrorContains(t, err, want)
	}
}

func TestWhichFunctionsAreCalled(t *testing.T) {
	g1, err := prompt.Named("g1")
	require.NoError(t, err)
	f := `{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {"x": {}}}}}`
	for choice, want := range map[string]chat.Format{
		"":                            {Choice: chat.Auto, Tools: []prompt.Tool{{Name: "f"}, {Name: "g"}}},
		`, "tool_choice": "auto"`:     {Choice: chat.Auto, Tools: []prompt.Tool{{Name: "f"}, {Name: "g"}}},
		`, "tool_choice": "required"`: {Choice: chat.Required, Tools: []prompt.Tool{{Name: "f"}, {Name: "g"}}},
		`, "tool_choice": {"type": "function", "function": {"name": "g"}}`: {Choice: chat.Required, Tools: []prompt.Tool{{Name: "g"}}},
	} {
		o, err := api.Parse([]byte(`{"messages": [{"role": "user", "content": "Hi"}], "tools": [` + f + `]` + choice + `}`))
		require.NoError(t, err)
		format, err := o.Conversation().Format(chat.Format{Template: g1})
		require.NoError(t, err)
		assert.True(t, format.Calls)
		assert.Equal(t, want.Choice, format.Choice, choice)
		require.Len(t, format.Tools, len(want.Tools), choice)
		for i, tool := range want.Tools {
			assert.Equal(t, tool.Name, format.Tools[i].Name)
		}
		assert.Contains(t, format.System, `{"name":"f"`, "all are offered")
	}
}

func TestErrorsHaveTheStatusOfTheirKind(t *testing.T) {
	for kind, status := range map[api.Kind]int{
		api.Invalid: 400, api.Unauthenticated: 401, api.Forbidden: 403, api.NotFound: 404, api.TooLong: 400,
		api.RateLimited: 429, api.Unsupported: 400, api.Unavailable: 503, api.Internal: 500,
	} {
		e := &api.Error{Kind: kind, Message: "no"}
		assert.Equal(t, status, e.Code(), kind)
		assert.JSONEq(t, fmt.Sprintf(`{"error": {"message": "no", "type": %q, "param": null, "code": %d}}`, kind, status), string(api.EncodeError(e)))
	}
	assert.Equal(t, 413, (&api.Error{Kind: api.Invalid, Status: http.StatusRequestEntityTooLarge}).Code())
}

func TestRatesAreZeroWhereNothingWasComputed(t *testing.T) {
	got := string(api.Encode(api.Timings{Predicted: 1, Decoded: time.Second}))
	assert.Contains(t, got, `"prompt_per_second":0,"predicted_n":1,"predicted_ms":1000,"predicted_per_token_ms":0,"predicted_per_second":0}`)
}

func TestATextThatFitsNoTokenIsTheClients(t *testing.T) {
	_, err := api.Prompt{Text: "日"}.Encode(tokenizer.ABC())
	var bad *api.Error
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, api.Invalid, bad.Kind)
}
