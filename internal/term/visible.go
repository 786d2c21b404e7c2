package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// longest is how many bytes of a value are shown. No name that a person wants to read is longer.
const longest = 400

// Visible returns a value from a file, such as a name, on one line. It escapes control characters, including line ends and tabs,
// as Go and JSON do, such as \u001b for escape. It cuts a very long text. Other text stays unchanged.
func Visible(s string) string {
	if len(s) > longest {
		s = excerpt.Cut(s, longest) + "..."
	}
	s = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	return visible(s)
}

// visible is Visible without the length limit. It keeps line ends and tabs.
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

// obeyed reports whether a terminal may interpret a character instead of showing it: control characters other than line end and
// tab, characters that change the text direction, and two that some terminals treat as line ends.
func obeyed(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	}
	return r == '\u2028' || r == '\u2029'
}
