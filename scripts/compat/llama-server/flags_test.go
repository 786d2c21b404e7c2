package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTranslate(t *testing.T) {
	for name, tc := range map[string]struct{ args, want, key string }{
		"what the tests pass":   {"--port 8080 --temp 0.8 --seed 42 --host 127.0.0.1 --offline --hf-repo a/b --no-slots --alias tiny --ctx-size 512 --parallel 2 --n-predict 64 --no-jinja --batch-size 32", "--port 8080 --temp 0.8 --seed 42 --host 127.0.0.1 --no-slots --alias tiny --slots 2 --n-predict 64 --ctx-size 256 --no-metrics --ignore-eos demo", ""},
		"a key":                 {"--api-key secret", "--no-metrics --ignore-eos demo", "secret"},
		"slots before a length": {"--parallel 4 --ctx-size 256", "--slots 4 --ctx-size 64 --no-metrics --ignore-eos demo", ""},
		"a common cache":        {"--ctx-size 256 --kv-unified --parallel 4", "--slots 4 --ctx-size 256 --no-metrics --ignore-eos demo", ""},
		"two addresses":         {"--host 127.0.0.1,::1", "--host 127.0.0.1 --host ::1 --no-metrics --ignore-eos demo", ""},
		"nothing":               {"", "--no-metrics --ignore-eos demo", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, key, err := translate(strings.Fields(tc.args))
			require.NoError(t, err)
			assert.Equal(t, tc.want, strings.Join(got, " "))
			assert.Equal(t, tc.key, key)
		})
	}
	for args, says := range map[string]string{
		"--speed 9":      "--speed: unknown flag",
		"--port":         "--port: no value",
		"--ctx-size a":   "invalid syntax",
		"--parallel two": "invalid syntax",
	} {
		_, _, err := translate(strings.Fields(args))
		require.ErrorContains(t, err, says)
	}
}
