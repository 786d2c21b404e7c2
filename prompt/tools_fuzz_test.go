package prompt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/prompt"
)

// FuzzTools offers any list of functions. An accepted list is one turn, and a converted list is in G1's form.
func FuzzTools(f *testing.F) {
	f.Add(officialTools)
	f.Add(`[{"type":"function","function":{"name":"a","parameters":{"properties":{"x":{}}}}}]`)
	f.Add(`[{"name":"a","input_schema":{}},{"name":"b"}]`)
	f.Add("- a(x: string)\n- b()")
	f.Add("- weather(city: string)\n\n- time()")
	f.Add(`{"name":"weather"}`)
	f.Add("0\r\r\n\r\n0")
	f.Add("[\"\n\n\"]")
	f.Fuzz(func(t *testing.T, list string) {
		defer fuzzing.Guard(t, len(list), 1<<10)()
		text, from, err := prompt.Tools(list)
		if err != nil {
			return
		}
		body, ok := strings.CutPrefix(text, "Tools:\n")
		require.True(t, ok)
		require.NotContains(t, body, "\n\n", "an empty line ends a turn")
		if from != "" { // converted lists are in G1's form
			body = strings.TrimSuffix(body, "\nReturn only a JSON function call.")
			require.True(t, json.Valid([]byte(body)))
			again, from, err := prompt.Tools(body)
			require.NoError(t, err)
			require.Empty(t, from)
			require.Equal(t, text, again)
		}
	})
}

// FuzzCall reads generated text as a call. An accepted call is JSON with a name, and reads the same when read again.
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
		again, err := prompt.Call(call + "\n" + prompt.Fence)
		require.NoError(t, err)
		require.Equal(t, call, again)
	})
}
