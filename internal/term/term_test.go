package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	out := NewOutput(os.Stdout)
	fmt.Fprintf(out, "%s\t%s\n", Visible("a\nname"), "\x1b[31mred")
	_ = out.Close()
	// Output: a\nname	\u001b[31mred
}

func TestWhatATerminalObeysIsMadeVisible(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plain text":                   {"blk.0.time_mix_key 鹅 🦢 é", "blk.0.time_mix_key 鹅 🦢 é"},
		"an escape sequence":           {"\x1b[31mred\x1b[m", `\u001b[31mred\u001b[m`},
		"line ends and tabs":           {"a\r\nb\tc", `a\r\nb\tc`},
		"control characters of 8 bits": {"\u009b31m\u0085", `\u009b31m\u0085`},
		"delete and null":              {"\x7f\x00", `\u007f\u0000`},
		"bytes that are no characters": {"a\x9b31m\xff", `a\x9b31m\xff`},
		"marks that turn text":         {"goose\u202egnp.exe\u2066", `goose\u202egnp.exe\u2066`},
		"line ends of Unicode":         {"a\u2028b", `a\u2028b`},
		"the sign for a wrong byte":    {"a\uFFFDb", "a\uFFFDb"},
		"a name of a million letters":  {strings.Repeat("é", 1<<20), strings.Repeat("é", 200) + "..."},
		"a joiner of an emoji":         {"👩‍🌾", "👩‍🌾"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, Visible(tc.text))
		})
	}
}

// inPieces writes a text in pieces of size bytes and returns all that came out.
func inPieces(t *testing.T, text string, size int, open func(io.Writer) io.Writer) string {
	t.Helper()
	var got bytes.Buffer
	w := open(&got)
	for rest := []byte(text); len(rest) > 0; rest = rest[min(size, len(rest)):] {
		n, err := w.Write(rest[:min(size, len(rest))])
		require.NoError(t, err)
		require.Equal(t, min(size, len(rest)), n)
	}
	if o, ok := w.(*Output); ok {
		require.NoError(t, o.Close())
	}
	return got.String()
}

func TestAnOutputMakesVisibleButForLinesAndTabs(t *testing.T) {
	for size := 1; size < 9; size++ {
		got := inPieces(t, "鹅\t\x1b]0;t\a\n\u202e🦢\xf0\x9f", size, func(w io.Writer) io.Writer { return NewOutput(w) })
		assert.Equal(t, "鹅\t\\u001b]0;t\\u0007\n\\u202e🦢\\xf0\\x9f", got, size)
	}
}

func TestJSONStaysTheSameValue(t *testing.T) {
	for r := rune(0); r < 0x3000; r++ {
		data, err := json.Marshal(string(r))
		require.NoError(t, err)
		var got string
		require.NoError(t, json.Unmarshal([]byte(visible(string(data))), &got))
		require.Equal(t, string(r), got)
	}
}

func TestSequencesAreLeftOutOfText(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plain text":                            {"a\tb\n鹅 🦢", "a\tb\n鹅 🦢"},
		"colours":                               {"\x1b[1;31mred\x1b[m", "red"},
		"colours of 8 bits":                     {"\u009b31mred", "red"},
		"a byte that is one of 8 bits":          {"\x9b31mred", "red"},
		"a title, ended by a bell":              {"a\x1b]0;owned\ab", "ab"},
		"a title, ended by a string terminator": {"a\x1b]0;owned\x1b\\b", "ab"},
		"a link":                                {"\x1b]8;;http://a\x1b\\goose\x1b]8;;\x1b\\", "goose"},
		"a string of 8 bits":                    {"a\u009d0;owned\u009cb", "ab"},
		"a string in which another begins":      {"a\x1b]0;\x1b[31mb", "ab"},
		"a string that does not end":            {"a\x1b]0;owned\nb", "a\nb"},
		"a request for the terminal's name":     {"a\x1bP+q544e\x1b\\b\x1b[c\x1b[6n", "ab"},
		"another alphabet":                      {"\x1b(0lqk\x1b(B", "lqk"},
		"a reset":                               {"a\x1bcb", "ab"},
		"return, backspace, bell and delete":    {"a\r\x08\x07\x7f\x00b", "ab"},
		"bytes that are no characters":          {"a\xffb", "a\uFFFDb"},
		"an escape before a letter of another":  {"\x1b鹅\x1b[3鹅", "鹅鹅"},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size < 9; size++ {
				assert.Equal(t, tc.want, inPieces(t, tc.text, size, func(w io.Writer) io.Writer { return &plain{out: w} }), size)
			}
		})
	}
}

func TestTextAndBytesPassWhereThereIsNoTerminal(t *testing.T) {
	var got bytes.Buffer
	out := NewOutput(&got)
	assert.Same(t, &got, raw(out))
	assert.Same(t, &got, Text(out))
	assert.False(t, Is(out))
	assert.Equal(t, 80, width(out))
	file, err := os.Create(t.TempDir() + "/out")
	require.NoError(t, err)
	defer file.Close()
	assert.Same(t, file, File(NewOutput(file)))
	assert.Same(t, file, File(&plain{out: file}))
	assert.Nil(t, File(out))
}
