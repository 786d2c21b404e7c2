package prompt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gosling/internal/fuzzing"
	"gosling/prompt"
)

// FuzzTools offers any list of functions: what is accepted keeps its text, is one turn, and as JSON is an array.
func FuzzTools(f *testing.F) {
	f.Add(`[{"name":"weather","arguments":{"city":{"type":"string"}}}]`)
	f.Add("- weather(city: string)\n\n- time()")
	f.Add(`{"name":"weather"}`)
	f.Add("0\r\r\n\r\n0")
	f.Add("[\"\n\n\"]")
	f.Fuzz(func(t *testing.T, list string) {
		defer fuzzing.Guard(t, len(list), 1<<10)()
		turn, err := prompt.Tools(list)
		if err != nil {
			return
		}
		require.NotContains(t, turn, "\n\n", "an empty line would end the turn")
		if strings.Contains(turn, "\r") {
			return // a CR before CR LF stays and makes another CR LF
		}
		require.Equal(t, prompt.Clean(turn), turn)
		inner := strings.TrimSuffix(strings.TrimPrefix(turn, "Tools:\n"), "\nReturn only a JSON function call.")
		again, err := prompt.Tools(inner)
		require.NoError(t, err)
		require.Equal(t, turn, again)
		if strings.HasPrefix(inner, "[") {
			require.True(t, json.Valid([]byte(inner)), inner)
		}
	})
}

// FuzzCall reads what a model generated as a call: one that is accepted is JSON with a name, and is read the same again.
func FuzzCall(f *testing.F) {
	f.Add("\n{\"name\":\"weather\",\"arguments\":{\"city\":\"Basel\"}}\n```\n\nUser: x")
	f.Add("{\"name\":\"\"}```")
	f.Add(`{"name":["a"]}`)
	f.Fuzz(func(t *testing.T, generated string) {
		defer fuzzing.Guard(t, len(generated), 1<<10)()
		call, err := prompt.Call(generated)
		if err != nil {
			return
		}
		require.True(t, json.Valid([]byte(call)), call)
		require.NotContains(t, call, prompt.Fence)
		again, err := prompt.Call(call + "\n" + prompt.Fence)
		require.NoError(t, err)
		require.Equal(t, call, again)
	})
}
