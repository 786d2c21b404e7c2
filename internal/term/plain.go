package term

import (
	"io"
	"unicode"
	"unicode/utf8"
)

// plain removes escape sequences and control characters from a text (ECMA-48, sections 5.2 to 5.6). A sequence may be spread over
// several writes. The end of a line ends every sequence, so that none can swallow the rest of the text.
type plain struct {
	out   io.Writer
	state state
	rest  []byte // the start of a character that is not complete yet
}

// state is the kind of sequence that the text is in.
type state int

const (
	shown    state = iota
	escape         // after ESC, and after the intermediate characters that may follow
	control        // after CSI: parameters, up to a final character
	command        // after OSC, DCS, SOS, PM or APC: a string, up to ST or BEL
	commandE       // in such a string after ESC, which is the first half of ST or begins another sequence
)

// Write writes the characters of p that are not part of a sequence.
func (t *plain) Write(p []byte) (int, error) {
	all := append(t.rest, p...)
	whole := len(all) - len(unfinished(all))
	t.rest = append([]byte(nil), all[whole:]...)
	var kept []byte
	for from := all[:whole]; len(from) > 0; {
		r, size := utf8.DecodeRune(from)
		if r == utf8.RuneError && size == 1 {
			r = rune(from[0]) // how a terminal with 8-bit characters interprets it
			if t.shows(r) {
				kept = append(kept, string(utf8.RuneError)...)
			}
		} else if t.shows(r) {
			kept = append(kept, from[:size]...)
		}
		from = from[size:]
	}
	if _, err := t.out.Write(kept); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (t *plain) inner() any { return t.out }

// shows reports whether a character is visible, and updates the state.
func (t *plain) shows(r rune) bool {
	if r == '\n' || t.state == shown || t.state != command && r > 0x7e {
		t.state = begun(r)
		return t.state == shown && (r == '\n' || r == '\t' || !unicode.IsControl(r))
	}
	t.state = t.state.next(r)
	return false
}

// begun returns the state after a character of text, which may begin a sequence.
func begun(r rune) state {
	switch r {
	case 0x1b:
		return escape
	case 0x9b: // CSI
		return control
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f: // DCS, SOS, OSC, PM, APC
		return command
	}
	return shown
}

// next returns the state after a character of a sequence.
func (s state) next(r rune) state {
	switch {
	case s == control && r >= 0x40, s == command && (r == 0x07 || r == 0x9c):
		return shown
	case s == control, s == command && r != 0x1b:
		return s
	case s == command:
		return commandE
	}
	switch { // after ESC
	case r == '[':
		return control
	case r == 'P', r == 'X', r == ']', r == '^', r == '_':
		return command
	case r >= 0x20 && r <= 0x2f, r == 0x1b:
		return escape
	}
	return shown
}
