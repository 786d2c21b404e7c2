package intext

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("goose ", 2000) // longer than the buffer of the reader
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"no text":                      {"", nil},
		"line ends of both kinds":      {"one\r\ntwo\n\nfour", []string{"one", "two", "", "four"}},
		"a line end at the end":        {"one\n", []string{"one"}},
		"a long line":                  {long + "\n" + long, []string{long, long}},
		"a byte order mark of UTF-8":   {"\xef\xbb\xbfone\ntwo", []string{"one", "two"}},
		"a byte order mark of UTF-16":  {"\xff\xfeo\x00n\x00e\x00\n\x002\x00", []string{"one", "2"}},
		"a character like such a mark": {"\xef\xbc\x91\n", []string{"１"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines := NewLines("the text", iotest.OneByteReader(strings.NewReader(tc.text)), infile.Limit{Bytes: 1 << 20}, func(string) {})
			var got []string
			for {
				line, err := lines.Next()
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				got = append(got, line)
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestALineThatIsTooLong(t *testing.T) {
	lines := NewLines("the text", strings.NewReader("short\n"+strings.Repeat("x", 100)), infile.Limit{Bytes: 10, What: "a line"}, nil)
	line, err := lines.Next()
	require.NoError(t, err)
	assert.Equal(t, "short", line)
	_, err = lines.Next()
	require.ErrorContains(t, err, "the text")
}

func TestNotesOfLines(t *testing.T) {
	var notes []string
	lines := NewLines("the text", strings.NewReader("\xff\xfeo\x00"), infile.Limit{Bytes: 10}, func(note string) { notes = append(notes, note) })
	_, err := lines.Next()
	require.NoError(t, err)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "the text")
}
