package lineedit

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Key is a key that was pressed, or a text.
type Key struct {
	Name string // such as "ctrl-a", "alt-b", "left" or "ctrl-left"; "text" for a typed text, "paste" for a pasted one
	Text string // valid UTF-8
}

// Decoder turns the bytes of a terminal into keys. Unknown sequences give no key. The zero value is ready.
type Decoder struct {
	waiting  []byte
	pasting  bool
	searched int // how much of a paste was searched for its end
}

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
	// longest is how long a sequence can be. Longer ones are dropped.
	longest = 256
)

// Push adds bytes.
func (d *Decoder) Push(data []byte) { d.waiting = append(d.waiting, data...) }

// Waits reports whether Next would return more if no more bytes came, and whether that is a paste.
func (d *Decoder) Waits() (some, pasting bool) { return d.pasting || len(d.waiting) > 0, d.pasting }

// Next returns the next key. It reports false if more bytes are needed. idle tells that no more bytes came for a while. An escape byte
// alone is then the escape key, and a paste ends where it is.
func (d *Decoder) Next(idle bool) (Key, bool) {
	for d.pasting || len(d.waiting) > 0 {
		if !d.pasting && bytes.HasPrefix(d.waiting, []byte(pasteBegin)) {
			d.take(len(pasteBegin))
			d.pasting, d.searched = true, 0
		}
		if d.pasting {
			return d.paste(idle)
		}
		key, n := next(d.waiting, idle)
		if n == 0 {
			return Key{}, false
		}
		d.take(n)
		if key.Name != "" {
			return key, true
		}
	}
	return Key{}, false
}

func (d *Decoder) take(n int) []byte {
	taken := d.waiting[:n]
	if d.waiting = d.waiting[n:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	return taken
}

// paste returns what was pasted, once it has ended.
func (d *Decoder) paste(idle bool) (Key, bool) {
	end := bytes.Index(d.waiting[d.searched:], []byte(pasteEnd))
	if end < 0 && !idle {
		d.searched = max(0, len(d.waiting)-len(pasteEnd))
		return Key{}, false
	}
	d.pasting = false
	if end < 0 {
		return Key{"paste", text(d.take(len(d.waiting)))}, true
	}
	pasted := text(d.take(d.searched + end))
	d.take(len(pasteEnd))
	return Key{"paste", pasted}, true
}

// text returns pasted bytes as UTF-8, with LF as the end of each line.
func text(pasted []byte) string {
	s := strings.ToValidUTF8(string(pasted), string(utf8.RuneError))
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// next returns the key that some bytes begin with, and its length. The length is 0 if more bytes are needed. A sequence without a
// meaning is a key without a name.
func next(b []byte, idle bool) (Key, int) {
	if name := controls[b[0]]; name != "" {
		return Key{Name: name}, 1
	}
	switch c := b[0]; {
	case c == 0x1b:
		return escape(b, idle)
	case c < 0x20:
		return Key{Name: "ctrl-" + string(rune(c|0x60))}, 1
	}
	n := typed(b)
	if n > 0 {
		return Key{"text", string(b[:n])}, n
	}
	if !utf8.FullRune(b) && !idle {
		return Key{}, 0
	}
	return Key{"text", string(utf8.RuneError)}, 1 // not UTF-8
}

// controls are keys with names of their own.
var controls = map[byte]string{'\r': "enter", '\n': "enter", '\t': "tab", 0x7f: "backspace", 0x08: "backspace", 0: "ctrl-space", 0x1f: "ctrl-_"}

// typed returns the length of the text at the beginning of b, without an incomplete character.
func typed(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= 0x20 && b[n] != 0x7f {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// escape decodes a sequence that begins with an escape byte.
func escape(b []byte, idle bool) (Key, int) {
	if len(b) == 1 {
		if idle {
			return Key{Name: "esc"}, 1
		}
		return Key{}, 0
	}
	switch b[1] {
	case '[':
		return control(b, idle)
	case 'O':
		if len(b) > 2 {
			return Key{Name: named(string(b[2]), nil)}, 3
		}
	case ']', 'P', 'X', '^', '_': // a terminal's answer: a string up to BEL or ST
		return answer(b, idle)
	case 0x1b:
		return Key{Name: "esc"}, 1
	default:
		key, n := next(b[1:], idle)
		if n == 0 {
			return Key{}, 0
		}
		if key.Name == "text" {
			_, first := utf8.DecodeRuneInString(key.Text)
			return Key{Name: "alt-" + key.Text[:first]}, 1 + min(first, n)
		}
		return Key{Name: "alt-" + key.Name}, 1 + n
	}
	if idle {
		return Key{Name: "alt-" + string(b[1])}, 2
	}
	return Key{}, 0
}

// control decodes a control sequence: ESC [, parameters and a final byte (ECMA-48, section 5.4).
func control(b []byte, idle bool) (Key, int) {
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e && (i > 2 || c != '['):
			return controlKey(string(b[2:i]), c), i + 1
		case c == '[' && i == 2: // the Linux console's function keys: ESC [ [ A
		case c < 0x20 || c > 0x3f || i > longest:
			return Key{}, i // not a sequence
		}
	}
	if !idle {
		return Key{}, 0
	}
	return Key{}, len(b)
}

// controlKey returns the key of a control sequence, or the position of the cursor, which is a terminal's answer.
func controlKey(parameters string, final byte) Key {
	list := strings.Split(parameters, ";")
	switch final {
	case 'R':
		if len(list) == 2 {
			return Key{"position", parameters}
		}
	case '~':
		if list[0] == "27" && len(list) == 3 { // xterm's modifyOtherKeys
			return other(list[2], list[1])
		}
		return Key{Name: named(list[0]+"~", list[1:])}
	case 'u': // the Kitty protocol
		return other(list[0], strings.Join(list[1:], ";"))
	}
	return Key{Name: named(string(final), list[min(1, len(list)):])}
}

// other returns a key that a terminal describes by its code point and its modifiers.
func other(code, modifiers string) Key {
	n, err := strconv.Atoi(strings.SplitN(code, ":", 2)[0])
	if err != nil || n < 0 || n > utf8.MaxRune {
		return Key{}
	}
	name := map[int]string{13: "enter", 27: "esc", 9: "tab", 127: "backspace", 32: "space"}[n]
	if name == "" {
		name = string(rune(n))
	}
	prefix := modified([]string{modifiers})
	if prefix == "" {
		if n >= 0x20 && n != 127 {
			return Key{"text", string(rune(n))}
		}
		return Key{Name: name}
	}
	return Key{Name: prefix + name}
}

// named returns the name of the key with a final byte or number, and its modifiers. An unknown key has no name.
func named(final string, modifiers []string) string {
	name := map[string]string{
		"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "M": "enter",
		"1~": "home", "7~": "home", "4~": "end", "8~": "end", "3~": "delete", "5~": "page-up", "6~": "page-down",
	}[final]
	if name == "" {
		return ""
	}
	return modified(modifiers) + name
}

// modified returns the prefix for a key's modifiers: 1 plus 1 for shift, 2 for alt and 4 for control.
func modified(modifiers []string) string {
	if len(modifiers) == 0 {
		return ""
	}
	first, _, _ := strings.Cut(modifiers[0], ":")
	n, err := strconv.Atoi(first)
	if err != nil || n < 1 {
		return ""
	}
	var prefix string
	for _, m := range []struct {
		bit  int
		name string
	}{{4, "ctrl-"}, {2, "alt-"}, {1, "shift-"}} {
		if (n-1)&m.bit != 0 {
			prefix += m.name
		}
	}
	return prefix
}

// answer skips a string that a terminal sends.
func answer(b []byte, idle bool) (Key, int) {
	for i := 2; i < len(b); i++ {
		switch {
		case b[i] == 0x07:
			return Key{}, i + 1
		case b[i] == 0x1b && i+1 < len(b) && b[i+1] == '\\':
			return Key{}, i + 2
		case b[i] == '\r', i > longest: // the person goes on typing
			return Key{}, i
		}
	}
	if idle { // alt and one of these characters
		return Key{Name: "alt-" + string(b[1])}, 2
	}
	return Key{}, 0
}
