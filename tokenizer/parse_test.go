package tokenizer_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestParseVocabReadsLiterals(t *testing.T) {
	for name, tc := range map[string]struct{ literal, want string }{
		"a plain string":                           {`'ab'`, "ab"},
		"a string with spaces":                     {`' a  b '`, " a  b "},
		"double quotes around a single one":        {`"it's"`, "it's"},
		"the escapes of one letter":                {`'\\\'\"\n\r\t'`, "\\'\"\n\r\t"},
		"a code point, not a byte, in a string":    {`'\x80'`, "\u0080"},
		"a byte, not a code point, in bytes":       {`b'\x80\xff'`, "\x80\xff"},
		"four hexadecimal digits":                  {`'\u200b'`, "\u200b"},
		"eight hexadecimal digits":                 {`'\U0001f426'`, "🐦"},
		"text that is not ASCII":                   {`'日本'`, "日本"},
		"the replacement character":                {`'�'`, "\ufffd"},
		"what looks like an escape but is escaped": {`'\\x41'`, `\x41`},
	} {
		t.Run(name, func(t *testing.T) {
			line := "7 " + tc.literal + " " + itoa(len(tc.want)) + "\n"
			v, err := tokenizer.ParseVocab(strings.NewReader(line))
			require.NoError(t, err)
			text, ok := v.Bytes(7)
			assert.True(t, ok)
			assert.Equal(t, tc.want, string(text))
		})
	}
}

func itoa(n int) string {
	return strings.TrimLeft(string([]byte{'0' + byte(n/10), '0' + byte(n%10)}), "0")
}

func TestParseVocabRefuses(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for name, tc := range map[string]struct{ file, reason string }{
		"an empty file":                     {"", "line 1: empty file"},
		"a line without spaces":             {"1 'a' 1\nhello\n", "line 2: want an id, a quoted token and its length"},
		"an empty line":                     {"1 'a' 1\n\n2 'b' 1\n", "line 2: want an id"},
		"a line with one space":             {"1 'a'\n", "line 1: want an id"},
		"an id that is not a number":        {"x 'a' 1\n", `line 1: id "x" is not a number`},
		"a negative id":                     {"-1 'a' 1\n", `line 1: id "-1" is not a number`},
		"an id too high":                    {"1048576 'a' 1\n", "line 1: id \"1048576\" is not a number from 0 to 1048575"},
		"an id that overflows":              {"99999999999999999999 'a' 1\n", "line 1: id"},
		"a length that is not a number":     {"1 'a' b\n", `line 1: length "b" is not a number`},
		"a length that does not agree":      {"1 'ab' 1\n", "line 1: token 1 has 2 bytes, its line says 1"},
		"an empty token":                    {"1 '' 0\n", "line 1: token 1 has 0 bytes, want 1 to 1024"},
		"a token too long":                  {"1 '" + long + "' 1025\n", "line 1: token 1 has 1025 bytes"},
		"a line too long":                   {"1 'a' 1\n2 '" + strings.Repeat(long, 11), "line 2: longer than"},
		"a token without quotes":            {"1 a 1\n", "line 1: token 1: want the token in quotes"},
		"a lone quote":                      {"1 ' 1\n", "line 1: token 1: want the token in quotes"},
		"quotes that differ":                {"1 'a\" 1\n", "line 1: token 1: want the token in quotes"},
		"a quote in the token":              {"1 'a'b' 3\n", "a quote inside the token is not escaped"},
		"two literals":                      {"1 'a' 'b' 2\n", "a quote inside the token is not escaped"},
		"code":                              {"1 __import__('os').system('id') 1\n", "want the token in quotes"},
		"an escaped closing quote":          {`1 'a\' 2`, "the token ends with a lone backslash"},
		"an unknown escape":                 {`1 '\q' 1`, `unknown escape "\\q"`},
		"a code point in bytes":             {`1 b'\u0041' 1`, `unknown escape "\\u"`},
		"an escape cut short":               {`1 '\x4' 1`, `escape "\\x" wants 2 hexadecimal digits`},
		"an escape with other digits":       {`1 '\x+4' 1`, `escape "\\x" wants 2 hexadecimal digits`},
		"a surrogate":                       {`1 '\ud800' 3`, `escape "\\ud800" is not a character`},
		"a code point that is too high":     {`1 '\U00110000' 4`, "is not a character"},
		"a code point that turns negative":  {`1 '\UFFFFFFFF' 4`, "is not a character"},
		"bytes literals that are not ASCII": {"1 b'é' 2\n", "byte 0xc3 in a bytes literal is not escaped"},
		"what is not UTF-8":                 {"1 '\xff' 1\n", "byte 0xff is not UTF-8"},
		"an id twice":                       {"1 'a' 1\n1 'b' 1\n", "line 2: id 1 is on an earlier line already"},
		"a token twice":                     {"1 'a' 1\n2 'b' 1\n3 b'a' 1\n", `line 3: the token "a" is on line 1 already`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokenizer.ParseVocab(strings.NewReader(tc.file))
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestParseVocabPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("the disk is on fire")
	_, err := tokenizer.ParseVocab(iotest.ErrReader(broken))
	assert.ErrorIs(t, err, broken)
}

func TestParseVocabAllowsGapsAndMissingBytes(t *testing.T) {
	v, err := tokenizer.ParseVocab(strings.NewReader("9 'ab' 2\r\n3 'a' 1\r\n5 'abcd' 4\r\n"))
	require.NoError(t, err)
	assert.Equal(t, 10, v.Len())
	_, ok := v.Bytes(4)
	assert.False(t, ok, "4 is a gap")
	_, ok = v.Bytes(tokenizer.EndOfText)
	assert.True(t, ok)

	ids, err := v.Encode([]byte("aababcd"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{3, 9, 5}, ids)
	ids, err = v.Encode([]byte("aabc"))
	assert.EqualError(t, err, "offset 3: no token of the vocabulary starts with byte 0x63: remove it from the text or use another vocabulary")
	assert.Equal(t, []tokenizer.Token{3, 9}, ids, "what came before the error")
}

func TestParseVocabLetsTheFileUseRowZero(t *testing.T) {
	v, err := tokenizer.ParseVocab(strings.NewReader("0 'z' 1\n"))
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{0, 0}, encode(t, v, "zz"))
}

func FuzzParseVocab(f *testing.F) {
	for _, seed := range []string{"", "1 'a' 1\n", "2 b'\\xff' 1\r\n9 \"it's\" 4\n", "1 '\\u00e9' 2", "1 ' 1", "0 '\\\\' 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		defer fuzzing.Guard(t, len(file), 1<<10)()
		v, err := tokenizer.ParseVocab(strings.NewReader(string(file)))
		if err != nil {
			require.Contains(t, err.Error(), "line ")
			return
		}
		again := throughGGUF(t, v)
		for id := range tokenizer.Token(v.Len()) {
			text, ok := v.Bytes(id)
			same, ok2 := again.Bytes(id)
			require.Equal(t, ok, ok2)
			require.Equal(t, text, same)
			if len(text) > 0 {
				require.Equal(t, []tokenizer.Token{id}, encode(t, v, string(text)), "every token is its own longest match")
			}
		}
		if ids, err := v.Encode(file); err == nil {
			require.Equal(t, string(file), string(v.Decode(ids)))
		}
	})
}
