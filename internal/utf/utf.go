// Package utf reads text files in several encodings as UTF-8. Notepad and PowerShell's ">" write UTF-16, or UTF-8 with a byte
// order mark.
//
// Limits: it only knows Unicode encodings. It recognizes UTF-16 without a mark only if the first character is ASCII.
package utf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is the encoding of a text.
type Encoding string

// The encodings that Decode tells apart.
const (
	UTF8       Encoding = "UTF-8"
	MarkedUTF8 Encoding = "UTF-8 with a byte order mark"
	UTF16LE    Encoding = "UTF-16 (little-endian)"
	UTF16BE    Encoding = "UTF-16 (big-endian)"
	UTF32LE    Encoding = "UTF-32 (little-endian)"
	UTF32BE    Encoding = "UTF-32 (big-endian)"
	Unknown    Encoding = "not UTF-8" // the bytes are returned unchanged
)

// marks are the byte order marks. UTF-32LE comes first because its mark begins with that of UTF-16LE.
var marks = []struct {
	bytes string
	is    Encoding
}{
	{"\xff\xfe\x00\x00", UTF32LE}, {"\x00\x00\xfe\xff", UTF32BE}, {"\xff\xfe", UTF16LE}, {"\xfe\xff", UTF16BE}, {"\xef\xbb\xbf", MarkedUTF8},
}

// Decode returns a text as UTF-8 without a byte order mark, and its original encoding. Bytes without a mark that are not Unicode
// text are returned unchanged. Invalid text after a UTF-16 or UTF-32 mark is an error with its offset.
func Decode(data []byte) ([]byte, Encoding, error) {
	for _, mark := range marks {
		if body, ok := bytes.CutPrefix(data, []byte(mark.bytes)); ok {
			text, err := decode(body, mark.is, len(mark.bytes))
			return text, mark.is, err
		}
	}
	if is := unmarked(data); is != UTF8 {
		if text, err := decode(data, is, 0); err == nil {
			return text, is, nil
		}
	}
	if !utf8.Valid(data) {
		return data, Unknown, nil
	}
	return data, UTF8, nil
}

// Invalid returns the offset of the first byte that is not UTF-8, or -1.
func Invalid(data []byte) int {
	for at := 0; at < len(data); {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return -1
}

// unmarked guesses the encoding of a text without a mark from its first character.
func unmarked(data []byte) Encoding {
	switch {
	case len(data) < 2 || len(data)%2 != 0:
		return UTF8
	case data[1] == 0 && data[0] != 0 && data[0] < utf8.RuneSelf:
		return UTF16LE
	case data[0] == 0 && data[1] != 0 && data[1] < utf8.RuneSelf:
		return UTF16BE
	}
	return UTF8
}

// decode decodes the text after the mark. The mark's length is needed for offsets in errors.
func decode(body []byte, is Encoding, mark int) ([]byte, error) {
	order, size := binary.ByteOrder(binary.LittleEndian), 2
	switch is {
	case UTF8, MarkedUTF8:
		return body, nil
	case UTF16BE:
		order = binary.BigEndian
	case UTF32BE:
		order, size = binary.BigEndian, 4
	case UTF32LE:
		size = 4
	}
	text := make([]byte, 0, len(body)/size)
	for at := 0; at < len(body); {
		r, n := utf8.RuneError, 0
		if size == 2 {
			r, n = rune16(body[at:], order)
		} else if len(body)-at >= 4 {
			r, n = rune(order.Uint32(body[at:])), 4
		}
		if n == 0 || !utf8.ValidRune(r) {
			return nil, fmt.Errorf("not valid %s at byte %d of %d: save it as UTF-8", is, mark+at, mark+len(body))
		}
		text = utf8.AppendRune(text, r)
		at += n
	}
	return text, nil
}

// rune16 returns the first character of UTF-16 text and its number of bytes, or 0 bytes if it is incomplete or invalid.
func rune16(body []byte, order binary.ByteOrder) (rune, int) {
	if len(body) < 2 {
		return 0, 0
	}
	r := rune(order.Uint16(body))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(body) < 4 {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, rune(order.Uint16(body[2:]))); r == utf8.RuneError {
		return 0, 0
	}
	return r, 4
}
