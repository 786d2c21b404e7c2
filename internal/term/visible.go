package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// longest is how much of a value is shown, in bytes: more than any name has that somebody means to read.
const longest = 400

// Visible shows a value of a file, such as a name, in one line: what a terminal would obey, line ends and tabs among it, is
// written as Go and JSON write it, such as \u001b for escape. Other text stays as it is, but for the end of a very long one.
func Visible(s string) string {
	if len(s) > longest {
		s = excerpt.Cut(s, longest) + "..."
	}
	s = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	return visible(s)
}

// visible is Visible but for line ends and tabs, which it keeps.
func visible(s string) string {
	if !strings.ContainsFunc(s, obeyed) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		size := utf8.RuneLen(r)
		switch invalid := r == utf8.RuneError && s[i] != "\uFFFD"[0]; {
		case invalid:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case obeyed(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
	}
	return b.String()
}

// obeyed reports whether a terminal obeys a character instead of showing it: control characters other than line end and tab, those
// that turn the direction of text, and the two that are line ends to some.
func obeyed(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	}
	return r == '\u2028' || r == '\u2029'
}
