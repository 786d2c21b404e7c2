package tokenizer_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// deflate compresses a packed vocabulary that a test wrote by hand.
func deflate(t *testing.T, data string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestUnpack(t *testing.T) {
	long := strings.Repeat("c", 20)
	v, err := tokenizer.Unpack(deflate(t, "\x01a"+"\x11b"+"\x0f\x14"+long+"\xf1\x0fd"), 4, 1+2+20+16)
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{1, 2, 4, 3}, encode(t, v, "aab"+long+long[:15]+"d"), "numbered by length")

	for name, tc := range map[string]struct{ data, reason string }{
		"nothing":                            {"", "EOF"},
		"a head cut off":                     {"\x01a\x11b\x0f", "EOF"},
		"a token cut off":                    {"\x01a\x11b\x02c", "EOF"},
		"more shared than there is":          {"\x01a\x21b\x01c", "token 1 has 2+1 bytes, too many"},
		"more bytes than the vocabulary has": {"\x01a\x11b\x0f\xff", "token 2 has 0+255 bytes, too many"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokenizer.Unpack(deflate(t, tc.data), 3, 6)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestTheTrieIsDense(t *testing.T) {
	_, cells, err := tokenizer.MakeWorld()
	require.NoError(t, err)
	assert.Less(t, cells, 130_000, "for 116,079 nodes")
}

func TestRandomVocabulariesFindTheLongestToken(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, letters := range []int{2, 3, 16, 256} {
		t.Run(fmt.Sprintf("of %d letters", letters), func(t *testing.T) {
			word := func(n int) string {
				text := make([]byte, n)
				for i := range text {
					text[i] = byte(255 - rng.IntN(letters))
				}
				return string(text)
			}
			tokens := []string{""}
			for c := range letters {
				tokens = append(tokens, fmt.Sprintf(`\x%02x`, 255-c))
			}
			for range 3000 {
				var escaped strings.Builder
				for _, c := range []byte(word(1 + rng.IntN(12))) {
					fmt.Fprintf(&escaped, `\x%02x`, c)
				}
				tokens = append(tokens, escaped.String())
			}
			v, err := tokenizer.FromTokens(tokens, nil)
			require.NoError(t, err)
			text := word(20000)
			assert.Equal(t, slowEncode(v, []byte(text)), encode(t, v, text))
		})
	}
}
