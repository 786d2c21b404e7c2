package prompt_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/prompt"
)

// officialTools is the second example of RWKV7-G1x-templates.txt.
const officialTools = `[
{"name":"find_free_slots","description":"Find free calendar slots","arguments":{"date":{"type":"string"},"duration_minutes":{"type":"integer"},"time_window":{"type":"string"}}},
{"name":"create_calendar_event","description":"Create a calendar event","arguments":{"title":{"type":"string"},"start_time":{"type":"string"},"end_time":{"type":"string"},"attendees":{"type":"array","items":{"type":"string"}}}}
]`

func TestToolsOfTheOfficialExample(t *testing.T) {
	tools, err := prompt.ParseTools(officialTools + "\n")
	require.NoError(t, err)
	assert.Empty(t, tools.From)
	g1 := template(t, "g1")
	const question = "Schedule a 30-minute sync with Bob on 2026-05-08 afternoon."
	const call = "```json\n{\"name\":\"find_free_slots\",\"arguments\":{\"date\":\"2026-05-08\",\"duration_minutes\":30,\"time_window\":\"afternoon\"}}\n```"
	const result = "{\"free_slots\":[{\"start\":\"2026-05-08T15:00:00+09:00\",\"end\":\"2026-05-08T15:30:00+09:00\"}],\"bob_email\":\"bob@example.com\"}"
	forced := prompt.Think{Start: prompt.CallStart}
	assert.Equal(t, "System: Tools:\n"+officialTools+"\nReturn only a JSON function call.\n\nUser: "+question+"\n\nAssistant: "+call+
		"\n\nUser: Function output:\n"+result+"\n\nAssistant: ```json", g1.Open(tools.System(false))+g1.Answered(question, call)+g1.Ask(prompt.Result(result+"\n"), forced))
}

func TestTools(t *testing.T) {
	const schema = `{"type":"object","properties":{"place":{"type":"string","description":"<city>"},"unit":{"enum":["c","f"]}},"required":["place"]}`
	const ours = "[\n" + `{"name":"weather","description":"tells the weather","arguments":{"place":{"type":"string","description":"<city>"},"unit":{"enum":["c","f"]}}}` + "\n]"
	for name, tc := range map[string]struct{ list, want, from string }{
		"one on each line":          {"- weather(place: string)\n- time()\n", "- weather(place: string)\n- time()", ""},
		"G1's own stays as it is":   {"[ {\"name\": \"weather\"} ]\n", "[ {\"name\": \"weather\"} ]", ""},
		"OpenAI's":                  {`[{"type": "function", "function": {"name": "weather", "description": "tells the weather", "strict": true, "parameters": ` + schema + `}}]`, ours, "OpenAI's"},
		"OpenAI's without an inner": {`[{"type": "function", "name": "weather", "description": "tells the weather", "parameters": ` + schema + `}]`, ours, "OpenAI's"},
		"Anthropic's":               {`[{"name": "weather", "description": "tells the weather", "input_schema": ` + schema + `}]`, ours, "Anthropic's"},
		"MCP's":                     {`[{"name": "weather", "description": "tells the weather", "inputSchema": ` + schema + `}]`, ours, "MCP's"},
		"without parameters":        {`[{"type":"function","function":{"name":"time"}}]`, "[\n{\"name\":\"time\",\"arguments\":{}}\n]", "OpenAI's"},
		"empty parameters":          {`[{"type":"function","function":{"name":"w","description":"d","parameters":{}}}]`, "[\n{\"name\":\"w\",\"description\":\"d\",\"arguments\":{}}\n]", "OpenAI's"},
		"two of two forms": {`[{"name":"time"},{"name":"day","parameters":null}]`,
			"[\n{\"name\":\"time\",\"arguments\":{}},\n{\"name\":\"day\",\"arguments\":{}}\n]", "OpenAI's"},
	} {
		t.Run(name, func(t *testing.T) {
			tools, err := prompt.ParseTools(tc.list)
			require.NoError(t, err)
			assert.Equal(t, "Tools:\n"+tc.want+"\nReturn only a JSON function call.", tools.System(false))
			assert.Equal(t, tc.from, tools.From)
		})
	}
}

func TestToolsRefuses(t *testing.T) {
	for list, reason := range map[string]string{
		" \n":                                  "the list has no tools",
		"[]":                                   "the list of tools is empty",
		"[{]":                                  "not a JSON array of tools",
		`{"name":"a"}`:                         "not a JSON array of tools",
		"[1,2]":                                "tool 1: 1 is not a JSON object",
		"[null]":                               "tool 1: null is not a JSON object",
		"[{}]":                                 `tool 1: it has no "name"`,
		`[{"name":"a"},{"description":"b"}]`:   `tool 2: it has no "name"`,
		`[{"name":5}]`:                         `its "name" is not a string`,
		`[{"name":"a"},{"name":"a"}]`:          `tool 2: another tool is also called "a"`,
		`[{"name":"a","arguments":["x"]}]`:     `its "arguments": ["x"] is not a JSON object`,
		`[{"name":"a","argument":{}}]`:         `unknown field "argument"`,
		`[{"name":"a","description":{}}]`:      `its "description" is not a string`,
		`[{"type":"web_search"}]`:              `its "type" is "web_search": want "function"`,
		`[{"type":"function","function":"a"}]`: `its "function": "a" is not a JSON object`,
		`[{"type":"function","function":{"name":"a","parameters":5}}]`:  `its "parameters": 5 is not a JSON object`,
		`[{"name":"a","parameters":{"type":"string"}}]`:                 `a schema of type "string", want "object"`,
		`[{"name":"a","parameters":{"type":"object","properties":[]}}]`: `"properties": [] is not a JSON object`,
		`[{"name":"a","parameters":{"$ref":"#/x"}}]`:                    `a schema that uses "$ref"`,
		"- a(x: string)\nSome words.":                                   `line 2 is "Some words.": want - name(arg: type`,
	} {
		_, err := prompt.ParseTools(list)
		assert.ErrorContains(t, err, reason, "%s", list)
	}
}

func TestToolsHaveSchemas(t *testing.T) {
	const schema = `{"type":"object","properties":{"place":{}},"required":["place"]}`
	for list, want := range map[string]string{
		`[{"type":"function","function":{"name":"f","parameters":` + schema + `}}]`: schema,
		`[{"name":"f","input_schema":` + schema + `}]`:                              schema,
		`[{"name":"f","arguments":{"place":{}}}]`:                                   `{"properties":{"place":{}}}`,
		`[{"type":"function","function":{"name":"f"}}]`:                             `{"type":"object","additionalProperties":false}`,
		`[{"name":"f","parameters":null}]`:                                          `{"type":"object","additionalProperties":false}`,
		`[{"name":"f","parameters":{}}]`:                                            `{"type":"object"}`,
		`[{"name":"f","parameters": {"properties":{"a":{}}}}]`:                      `{"type":"object","properties":{"a":{}}}`,
		"- f(place: string)":                                                        "",
	} {
		tools, err := prompt.ParseTools(list)
		require.NoError(t, err)
		require.Len(t, tools.Each, 1, list)
		assert.Equal(t, "f", tools.Each[0].Name)
		assert.Equal(t, want, string(tools.Each[0].Schema), list)
	}
}

func TestCall(t *testing.T) {
	for _, text := range []string{"\n{\"name\":\"weather\",\"arguments\":{}}\n```\n", "```json\n{\"name\":\"weather\",\"arguments\":{}}\n```", "\n{\"name\":\"weather\",\"arguments\":{}}```"} {
		call, err := prompt.Call(text)
		require.NoError(t, err)
		assert.Equal(t, `{"name":"weather","arguments":{}}`, call)
	}
	call, err := prompt.Call("\n{\"name\":\"write\",\"arguments\":{\"text\":\"```go\"}}\n```")
	require.NoError(t, err)
	assert.Equal(t, "{\"name\":\"write\",\"arguments\":{\"text\":\"```go\"}}", call)
	for text, reason := range map[string]string{"\nIt rains.": "not a JSON", "{}": "no \"name\"", "{\"name\":\"a\"} b": "not a JSON"} {
		_, err := prompt.Call(text)
		assert.ErrorContains(t, err, reason, text)
	}
}
