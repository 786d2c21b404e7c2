package cli_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// header writes a GGUF file that only has keys. Values are strings, or bytes, which become arrays.
func header(t *testing.T, values ...any) string {
	t.Helper()
	le := binary.LittleEndian
	text := func(data []byte, s string) []byte { return append(le.AppendUint64(data, uint64(len(s))), s...) }
	data := le.AppendUint64(le.AppendUint64(append([]byte("GGUF"), 3, 0, 0, 0), 0), uint64(len(values)/2))
	for i := 0; i < len(values); i += 2 {
		data = text(data, values[i].(string))
		switch v := values[i+1].(type) {
		case string:
			data = text(le.AppendUint32(data, 8), v)
		case []byte:
			data = append(le.AppendUint64(le.AppendUint32(le.AppendUint32(data, 9), 0), uint64(len(v))), v...)
		}
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// TestNoMessageHasMoreThanALineOfAValue puts values of a megabyte where commands read them.
func TestNoMessageHasMoreThanALineOfAValue(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program 70 times, and each time nothing runs side by side")
	}
	const size = 1 << 20
	long, list := strings.Repeat("\xff\n", size/2), bytes.Repeat([]byte{200}, size)
	for name, values := range map[string][]any{
		"the architecture":  {"general.architecture", long},
		"an architecture":   {"general.architecture", "rwkv7", "rwkv7.attention.layer_norm_epsilon", list, "rwkv7.block_count", long},
		"the kind":          {"general.architecture", "x", "general.type", long},
		"the tokenizer":     {"general.architecture", "rwkv7", "tokenizer.ggml.model", long},
		"how words split":   {"general.architecture", "rwkv7", "tokenizer.ggml.model", "gpt2", "tokenizer.ggml.pre", long},
		"a list of nothing": {"general.architecture", list, "general.name", long, "general.alignment", list},
		"a key":             {long[:65000], long, "general.architecture", "rwkv7"},
	} {
		t.Run(name, func(t *testing.T) {
			path := header(t, values...)
			for _, args := range [][]string{
				{"inspect", path}, {"inspect", "--check", path}, {"doctor", path}, {"run", path, "hi"}, {"quantize", path, "Q8_0"}, {"bench", path},
				{"tokenize", "--vocab", path, "hi"}, {"imatrix", "--in-file", path, "-o", path + ".out"}, {"convert", path},
			} {
				var said bytes.Buffer
				cmd := exec.Command("gosling", args...)
				cmd.Stdout, cmd.Stderr = &said, &said
				_ = cmd.Run() // most of them end with an error
				assert.Less(t, said.Len(), 20_000, "%v", args)
			}
			out, err := exec.Command("gosling", "inspect", "--json", path).Output()
			if err == nil {
				var listing struct{ Metadata map[string]any }
				require.NoError(t, json.Unmarshal(out, &listing))
				assert.Len(t, listing.Metadata, len(values)/2)
			}
		})
	}
}

func TestMetadataAreTheSameInJSON(t *testing.T) {
	path := header(t, "general.architecture", "a<b", "list", []byte{1, 2}, "a", "", "none", []byte{})
	out, err := exec.Command("gosling", "inspect", "--json", path).Output()
	require.NoError(t, err)
	want := "\n  \"metadata\": {\n    \"a\": \"\",\n    \"general.architecture\": \"a<b\",\n    \"list\": [\n      1,\n      2\n    ],\n    \"none\": []\n  },\n  \"tensors\": [],\n"
	assert.Contains(t, string(out), want)
	var any map[string]any
	require.NoError(t, json.Unmarshal(out, &any))
}
