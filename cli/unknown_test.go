package cli_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/cli"
	"github.com/gosling-rwkv/gosling/gguf"
)

func TestAModelWithAnUnknownTokenizerTakesTokens(t *testing.T) {
	needGGML(t)
	h := modelHeader()
	for i, key := range h.Keys {
		if key.Key == "tokenizer.ggml.model" {
			h.Keys[i] = gguf.KV{Key: key.Key, Value: "unigram"}
		}
	}
	path := writeGGUF(t, h, "output.weight", nil, 0)
	run := func(args ...string) (code int, out, errs string) {
		var stdout, stderr bytes.Buffer
		code = cli.Run(append([]string{"gosling"}, args...), &bytes.Buffer{}, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	code, out, errs := run("run", path, "--tokens", "1,2", "--ids", "-n", "1")
	assert.Zero(t, code, errs)
	assert.NotContains(t, errs, "tokenizer")
	assert.Regexp(t, `^\d*\n$`, out)
	for _, args := range [][]string{{"run", path, "Hi"}, {"run", path, "--tokens", "1"}, {"tokenize", path, "Hi"}, {"chat", path}} {
		code, _, errs = run(args...)
		assert.Equal(t, 1, code, args)
		assert.Contains(t, errs, `the tokenizer "unigram" is not known (rwkv, gpt2, rwkv-midi and rwkv-char are)`, args)
	}
	_, _, errs = run("run", path, "Hi")
	assert.Contains(t, errs, "hint: token ids still work: --tokens, and --ids to print them")
}
