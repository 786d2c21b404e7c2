package term

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wrapped returns a text wrapped at a width, whatever pieces it comes in.
func wrapped(t *testing.T, text string, columns int) string {
	t.Helper()
	var first string
	for size := 1; size <= len(text)+1; size += 1 + size/4 {
		var out strings.Builder
		w := &wrapper{out: &out, width: func() int { return columns }}
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			for n < len(rest) && rest[n]&0xc0 == 0x80 { // whole characters, as models give them
				n++
			}
			_, err := w.Write([]byte(rest[:n]))
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, w.flush())
		if first == "" {
			first = out.String()
		}
		require.Equal(t, first, out.String(), "in pieces of %d bytes", size)
	}
	return first
}

func TestWordsWrap(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		columns int
		want    string
	}{
		"words":                     {"one two three", 8, "one two\nthree"},
		"a word that just fits":     {"one two", 7, "one two"},
		"a blank at the edge":       {"one two three", 7, "one two\nthree"},
		"a word longer than a line": {"a abcdefghij b", 5, "a\nabcdefghij\nb"},
		"lines of their own":        {"one\n\ntwo three", 5, "one\n\ntwo\nthree"},
		"Chinese":                   {"你好世界你好", 5, "你好\n世界\n你好"},
		"Chinese punctuation":       {"你好，世界", 4, "你\n好，\n世界"},
		"accents are narrow":        {"e\u0301e\u0301e\u0301 e\u0301", 5, "e\u0301e\u0301e\u0301 e\u0301"},
		"code":                      {"see:\n```go\nfunc main() { return }\n```\none two three", 8, "see:\n```go\nfunc main() { return }\n```\none two\nthree"},
		"indented code":             {"    one two three", 8, "    one two three"},
		"a table":                   {"| one | two | three |", 8, "| one | two | three |"},
		"blanks at the end":         {"one  ", 8, "one  "},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, wrapped(t, tc.text, tc.columns)) })
	}
}

func TestThoughtsAreDim(t *testing.T) {
	show := func(o AnswerOptions, parts ...string) string {
		var out strings.Builder
		a := NewAnswer(&out, o)
		for _, part := range parts {
			if thoughts, ok := strings.CutPrefix(part, "T"); ok {
				require.NoError(t, a.Thoughts(thoughts))
			} else {
				require.NoError(t, a.Text(part[1:]))
			}
		}
		require.NoError(t, a.End())
		return out.String()
	}
	for name, tc := range map[string]struct {
		o     AnswerOptions
		parts []string
		want  string
	}{
		"an answer":                       {AnswerOptions{}, []string{"AHi ", "Athere."}, "Hi there.\n"},
		"thoughts and an answer":          {AnswerOptions{}, []string{"T\nHm ", "Thm.", "AHi."}, "\x1b[2mHm hm.\x1b[22m\nHi.\n"},
		"thoughts that end a line":        {AnswerOptions{}, []string{"THm.\n", "AHi."}, "\x1b[2mHm.\n\x1b[22mHi.\n"},
		"thoughts alone":                  {AnswerOptions{}, []string{"THm."}, "\x1b[2mHm.\x1b[22m\n"},
		"an answer, then thoughts":        {AnswerOptions{}, []string{"AHi.", "THm.", "AHo."}, "Hi.\n\x1b[2mHm.\x1b[22m\nHo.\n"},
		"hidden":                          {AnswerOptions{HideThoughts: true}, []string{"Tone two", "AHi."}, "\x1b[2mthinking ...\x1b[22m\r\x1b[K\x1b[2m(2 words of thoughts)\x1b[22m\nHi.\n"},
		"without style":                   {AnswerOptions{NoStyle: true}, []string{"THm.", "AHi."}, "<think>\nHm.\n</think>\nHi.\n"},
		"hidden, without style":           {AnswerOptions{NoStyle: true, HideThoughts: true}, []string{"THm.", "AHi."}, "Hi.\n"},
		"sequences":                       {AnswerOptions{}, []string{"AHi\x1b[31m ", "A\x1b]0;x\x07there"}, "Hi there\n"},
		"nothing, which is an empty line": {AnswerOptions{}, nil, "\n"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, show(tc.o, tc.parts...)) })
	}
}
