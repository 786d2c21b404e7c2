package tokenizer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func throughGGUF(t testing.TB, v *tokenizer.Vocab) *tokenizer.Vocab {
	t.Helper()
	again, err := tokenizer.FromTokens(v.GGUFTokens(v.Len() + 6))
	require.NoError(t, err)
	require.Equal(t, v.Len(), again.Len())
	return again
}

func TestGGUFTokensAreWrittenAsPythonWritesBytes(t *testing.T) {
	tokens, types := tokenizer.World().GGUFTokens(65536)
	require.Len(t, tokens, 65536)
	require.Len(t, types, 65536)
	for text, want := range map[string]string{
		"\x00":                   `\x00`,
		"\n":                     `\n`,
		"\t":                     `\t`,
		"\r\n":                   `\r\n`,
		"\x7f":                   `\x7f`,
		"~":                      `~`,
		"\xff":                   `\xff`,
		"'":                      `'`,
		`"`:                      `"`,
		`\`:                      `\\`,
		"日":                      `\xe6\x97\xa5`,
		" World":                 ` World`,
		"\u00a0":                 `\xc2\xa0`,
		strings.Repeat(" ", 128): strings.Repeat(" ", 128),
	} {
		ids := encode(t, tokenizer.World(), text)
		require.Len(t, ids, 1, "%q", text)
		assert.Equal(t, want, tokens[ids[0]], "%q", text)
		assert.EqualValues(t, 1, types[ids[0]], "normal")
	}
	assert.Equal(t, "<s>", tokens[0])
	assert.EqualValues(t, 3, types[0], "control")
	for id := 65530; id < 65536; id++ {
		assert.Equal(t, "[PAD"+[]string{"65530", "65531", "65532", "65533", "65534", "65535"}[id-65530]+"]", tokens[id])
		assert.EqualValues(t, 5, types[id], "unused")
	}
}

func TestGGUFTokensChooseTheQuoteAsPythonDoes(t *testing.T) {
	v, err := tokenizer.ParseVocab(strings.NewReader(`1 "it's" 4` + "\n" + `2 'say "it\'s"' 10` + "\n" + `3 '"' 1` + "\n"))
	require.NoError(t, err)
	tokens, _ := v.GGUFTokens(5)
	assert.Equal(t, []string{"<s>", `it's`, `say "it\'s"`, `"`, "[PAD4]"}, tokens)
}

func TestVocabulariesSurviveGGUF(t *testing.T) {
	for name, v := range map[string]*tokenizer.Vocab{"world": tokenizer.World(), "bytes": tokenizer.Bytes(), "byte values": tokenizer.ByteValues()} {
		t.Run(name, func(t *testing.T) {
			again := throughGGUF(t, v)
			for id := range tokenizer.Token(v.Len()) {
				text, _ := v.Bytes(id)
				same, ok := again.Bytes(id)
				require.True(t, ok)
				require.Equal(t, text, same)
			}
			text := "<s> [PAD65530] \x00\xff it's \"done\" \\n\n"
			assert.Equal(t, encode(t, v, text), encode(t, again, text))
		})
	}
}

func TestFromTokens(t *testing.T) {
	v, err := tokenizer.FromTokens([]string{"<s>", `a\x62\q\\`, "c", "<unk>", "[PAD4]", "c", "[PAD6]"}, []int32{3, 1, 4, 2, 5, 6, 5})
	require.NoError(t, err)
	assert.Equal(t, 6, v.Len(), "unused rows at the end do not count")
	assert.Equal(t, []tokenizer.Token{1, 5}, encode(t, v, `abq\c`), "of two equal tokens the last is matched")
	_, err = v.Encode([]byte("<s>"))
	assert.ErrorContains(t, err, "offset 0", "a control token's name is not text")
	_, err = v.Encode([]byte("[PAD4]"))
	assert.ErrorContains(t, err, "offset 0", "neither is an unused row's")
	tokens, types := v.GGUFTokens(7)
	assert.Equal(t, []string{"<s>", `abq\\`, "c", "<unk>", "[PAD4]", "c", "[PAD6]"}, tokens)
	assert.Equal(t, []int32{3, 1, 4, 2, 5, 6, 5}, types)
}

func TestFromTokensRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		tokens []string
		types  []int32
		reason string
	}{
		"no tokens":                {nil, nil, "no tokens in the vocabulary"},
		"no token to match":        {[]string{"<s>", ""}, []int32{3, 1}, "no tokens in the vocabulary"},
		"fewer types than tokens":  {[]string{"a", "b"}, []int32{1}, "2 tokens have 1 types"},
		"a type that is too high":  {[]string{"a"}, []int32{7}, "token 0 has the unknown type 7"},
		"a type that wraps around": {[]string{"a"}, []int32{257}, "token 0 has the unknown type 257"},
		"a lone backslash":         {[]string{"a", `b\`}, nil, "token 1: ends with a lone backslash"},
		"an escape cut short":      {[]string{`\x4`}, nil, `token 0: escape \x wants 2 hexadecimal digits`},
		"a token too long":         {[]string{strings.Repeat("a", 1025)}, nil, "token 0: 1025 bytes, want at most 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokenizer.FromTokens(tc.tokens, tc.types)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func FuzzFromTokens(f *testing.F) {
	f.Add("a", `\x62`, int32(1), int32(3))
	f.Add(`\`, "<s>", int32(5), int32(0))
	f.Fuzz(func(t *testing.T, a, b string, typeA, typeB int32) {
		defer fuzzing.Guard(t, len(a)+len(b), 1<<10)()
		v, err := tokenizer.FromTokens([]string{a, b}, []int32{typeA, typeB})
		if err != nil {
			return
		}
		again := throughGGUF(t, v)
		for id := range tokenizer.Token(2) {
			text, ok := v.Bytes(id)
			same, ok2 := again.Bytes(id)
			require.Equal(t, ok, ok2)
			require.Equal(t, text, same)
		}
	})
}
