package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheScreenShowsWhatATerminalWould(t *testing.T) {
	for name, tc := range map[string]struct {
		written string
		want    []string
	}{
		"lines":                        {"one\r\ntwo\r\n", []string{"one", "two"}},
		"a line written over":          {"50 %\r100 %", []string{"100 %"}},
		"a line wiped with blanks":     {"busy\r    \rdone", []string{"done"}},
		"a line wiped to its end":      {"hello\r\x1b[Kbye", []string{"bye"}},
		"a line wiped whole":           {"hello\x1b[2K\rbye", []string{"bye"}},
		"letters rubbed out":           {"goosr\x1b[D\x1b[Ke", []string{"goose"}},
		"backspaces":                   {"ab\b\bc", []string{"cb"}},
		"colors, which are left out":   {"\x1b[1;31mred\x1b[0m", []string{"red"}},
		"one up":                       {"a\r\nb\x1b[Ac", []string{"ac", "b"}},
		"all below wiped":              {"a\r\nb\r\nc\x1b[2A\r\x1b[Jx", []string{"x"}},
		"a line longer than the width": {"0123456789ab", []string{"0123456789", "ab"}},
		"a tab":                        {"a\tb", []string{"a       b"}},
		"letters of several bytes":     {"Gänse…", []string{"Gänse…"}},
	} {
		t.Run(name, func(t *testing.T) {
			whole := newScreen(10)
			whole.write([]byte(tc.written))
			assert.Equal(t, tc.want, whole.text())
			pieces := newScreen(10)
			for i := range len(tc.written) {
				pieces.write([]byte{tc.written[i]})
			}
			assert.Equal(t, tc.want, pieces.text(), "byte by byte")
		})
	}
}

func TestAPictureIsXMLThatHasEveryLine(t *testing.T) {
	picture := draw(`gosling run demo "ROMEO:"`, []string{"a < b & c", "", "  indented"})
	var texts []string
	for d := xml.NewDecoder(strings.NewReader(string(picture))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" && !strings.Contains(string(data), ".window") {
			texts = append(texts, string(data))
		}
	}
	assert.Equal(t, []string{"$", `gosling run demo "ROMEO:"`, "a < b & c", "indented"}, texts)
}
