package tokenizer_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestStream(t *testing.T) {
	for name, tc := range map[string]struct {
		pieces []string
		want   []string // one for each piece, then the flush
	}{
		"ASCII passes through":                       {[]string{"a", "", "bc"}, []string{"a", "", "bc", ""}},
		"a character in four pieces":                 {[]string{"\xf0", "\x9f", "\x90", "\xa6!"}, []string{"", "", "", "🐦!", ""}},
		"a character that never comes":               {[]string{"a\xe6\x97"}, []string{"a", "\ufffd"}},
		"a byte that starts nothing":                 {[]string{"\xffa", "\x80"}, []string{"\ufffda", "\ufffd", ""}},
		"an overlong spelling":                       {[]string{"\xc0\xaf"}, []string{"\ufffd\ufffd", ""}},
		"an overlong spelling of three":              {[]string{"\xe0", "\x80"}, []string{"", "\ufffd\ufffd", ""}},
		"a surrogate":                                {[]string{"\xed\xa0\x80"}, []string{"\ufffd\ufffd\ufffd", ""}},
		"above the last character":                   {[]string{"\xf4\x90\x80\x80"}, []string{"\ufffd\ufffd\ufffd\ufffd", ""}},
		"a character cut by another":                 {[]string{"\xe6\x97", "b"}, []string{"", "\ufffdb", ""}},
		"a character cut by a lead byte":             {[]string{"\xf0\x9f\x90\xe6", "\x97\xa5"}, []string{"\ufffd", "日", ""}},
		"one replacement for each maximal subpart":   {[]string{"a\xf1\x80\x80\xe1\x80\xc2b\x80c"}, []string{"a\ufffd\ufffd\ufffdb\ufffdc", ""}},
		"the replacement character itself is a text": {[]string{"\ufffd"}, []string{"\ufffd", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var s tokenizer.Stream
			var got []string
			for _, piece := range tc.pieces {
				got = append(got, s.Push([]byte(piece)))
			}
			assert.Equal(t, tc.want, append(got, s.Flush()))
			assert.Empty(t, s.Flush(), "flushed twice")
		})
	}
}

func FuzzStreamSplitsAnywhere(f *testing.F) {
	f.Add([]byte("a日🐦\xff\xf0\x9f\x90"), 3)
	f.Add([]byte("\xed\xa0\x80\xe0\x80\xc2"), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		defer fuzzing.Guard(t, len(text), 1<<10)()
		var whole, split tokenizer.Stream
		want := whole.Push(text) + whole.Flush()
		require.True(t, utf8.ValidString(want))
		if utf8.Valid(text) {
			require.Equal(t, string(text), want)
		}
		var got strings.Builder
		size = max(size%7, 1)
		for rest := text; len(rest) > 0; {
			n := min(size, len(rest))
			piece := split.Push(rest[:n])
			require.True(t, utf8.ValidString(piece))
			got.WriteString(piece)
			rest = rest[n:]
		}
		got.WriteString(split.Flush())
		require.Equal(t, want, got.String())
	})
}
