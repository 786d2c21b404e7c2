package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Stream turns the bytes of tokens into valid UTF-8. A token may end within a character; the stream then keeps the character's bytes, at
// most three, until the rest comes. Bytes that can never be part of a character become U+FFFD at once, one for each maximal subpart
// (Unicode standard, section 3.9). The zero value is ready to use. A Stream belongs to one goroutine at a time.
type Stream struct {
	tail []byte
}

// Push returns the text that piece completes, which may be empty.
func (s *Stream) Push(piece []byte) string {
	data := append(s.tail, piece...)
	var text strings.Builder
	text.Grow(len(data))
	for len(data) > 0 {
		n, whole := subpart(data)
		switch {
		case whole:
			text.Write(data[:n])
		case n == len(data) && n < need(data[0]):
			s.tail = append(s.tail[:0], data...)
			return text.String()
		default:
			text.WriteRune(utf8.RuneError)
		}
		data = data[n:]
	}
	s.tail = s.tail[:0]
	return text.String()
}

// Flush returns one U+FFFD if bytes are held back, and otherwise nothing. The stream can be used again.
func (s *Stream) Flush() string {
	held := len(s.tail) > 0
	s.tail = s.tail[:0]
	if held {
		return string(utf8.RuneError)
	}
	return ""
}

// need returns how many bytes a character takes that starts with lead, 1 for a byte that starts none.
func need(lead byte) int {
	switch {
	case lead >= 0xc2 && lead <= 0xdf:
		return 2
	case lead >= 0xe0 && lead <= 0xef:
		return 3
	case lead >= 0xf0 && lead <= 0xf4:
		return 4
	}
	return 1
}

// subpart returns the length of the character that data starts with, or else of the longest start of one.
func subpart(data []byte) (n int, whole bool) {
	want := need(data[0])
	if want == 1 {
		return 1, data[0] < utf8.RuneSelf
	}
	for n = 1; n < want && n < len(data); n++ {
		lo, hi := byte(0x80), byte(0xbf)
		if n == 1 {
			lo, hi = second(data[0])
		}
		if data[n] < lo || data[n] > hi {
			return n, false
		}
	}
	return n, n == want
}

// second returns which bytes may follow lead: some are left out so that every character has one spelling only, surrogates
// have none, and nothing lies above U+10FFFF.
func second(lead byte) (lo, hi byte) {
	switch lead {
	case 0xe0:
		return 0xa0, 0xbf
	case 0xed:
		return 0x80, 0x9f
	case 0xf0:
		return 0x90, 0xbf
	case 0xf4:
		return 0x80, 0x8f
	}
	return 0x80, 0xbf
}
