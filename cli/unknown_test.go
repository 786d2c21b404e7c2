package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/cli"
	"github.com/gosling-rwkv/gosling/convert"
)

func TestAModelWithAnUnknownTokenizerTakesTokens(t *testing.T) {
	needGGML(t)
	dir := t.TempDir()
	checkpoint, path := filepath.Join(dir, "m.pth"), filepath.Join(dir, "m.gguf")
	writeModel(t, checkpoint, tinyModel())
	_, err := convert.Run(t.Context(), checkpoint, path, convert.Options{})
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	const key = "tokenizer.ggml.model\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
	data = bytes.Replace(data, []byte(key+"rwkv"), []byte(key+"word"), 1)
	require.NoError(t, os.WriteFile(path, data, 0o600))
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
		assert.Contains(t, errs, `the tokenizer "word" is not known (rwkv, gpt2, rwkv-midi and rwkv-char are)`, args)
	}
	_, _, errs = run("run", path, "Hi")
	assert.Contains(t, errs, "hint: token ids still work: give them with --tokens, and print them with --ids")
}
