package engine

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/gguf"
)

// The identities of models are kept in files, so they must stay what the verb made of the same values.
func TestAQuotedValueIsWhatTheVerbWrites(t *testing.T) {
	for name, value := range map[string]any{
		"a number": uint32(7), "a float": float32(0.5), "a bool": true, "a text": "a\n\"é\xff", "no text": "",
		"a long text":  strings.Repeat("é€a", 100_000),
		"broken runes": strings.Repeat("\x80", 200_000) + strings.Repeat("\xe2\x82", 100_000),
		"bytes":        bytes.Repeat([]byte{0, 0xc3, 0xa9, 'a'}, 50_000),
		"numbers":      []int32{1, 65, 1 << 20}, "floats": []float32{1, 2}, "bools": []bool{true}, "texts": []string{"a", "b c"}, "none": []string{},
		"lists": []any{[]string{"a"}, []uint8{1, 2}, []any{[]int8{3}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			require.NoError(t, quoteTo(&got, value))
			assert.True(t, fmt.Sprintf("%q", value) == got.String())
		})
	}
}

func TestTheIdentityIsOfTheValuesThatTheVerbWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	keys := []gguf.KV{{Key: "general.architecture", Value: "rwkv7"}, {Key: "rwkv7.block_count", Value: uint32(2)}, {Key: "tokenizer.ggml.tokens", Value: []string{"a", "b"}}}
	w, err := gguf.NewWriter(out, gguf.Header{Keys: keys})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	fingerprint := [32]byte{1, 2, 3}
	want := sha256.Sum256(fmt.Appendf(fingerprint[:], "%q %q\n%q %q\n", keys[1].Key, keys[1].Value, keys[2].Key, keys[2].Value))
	assert.Equal(t, want, identity(f, fingerprint))
}
