package prompt_test

import (
	"encoding/json"
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
		tools, err := prompt.ParseTools(list)
		if err != nil {
			return
		}
		require.NotEmpty(t, tools.Each)
		require.NotContains(t, tools.System(false), "\n\n", "an empty line ends a turn")
		if tools.From != "" { // converted lists are in G1's form
			require.True(t, json.Valid([]byte(tools.List)))
			again, err := prompt.ParseTools(tools.List)
			require.NoError(t, err)
			require.Empty(t, again.From)
			require.Equal(t, tools.List, again.List)
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
