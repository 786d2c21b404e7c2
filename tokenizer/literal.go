package tokenizer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendLiteral appends the first character of the body of a Python literal to text and returns the rest of the body.
func appendLiteral(text []byte, body string, quote byte, isBytes bool) ([]byte, string, error) {
	switch c := body[0]; {
	case c == '\\':
		return appendEscape(text, body, isBytes)
	case c == quote:
		return nil, "", errors.New("a quote inside the token is not escaped")
	case c < utf8.RuneSelf:
		return append(text, c), body[1:], nil
	case isBytes:
		return nil, "", fmt.Errorf("byte 0x%02x in a bytes literal is not escaped", c)
	}
	r, n := utf8.DecodeRuneInString(body)
	if r == utf8.RuneError && n == 1 {
		return nil, "", fmt.Errorf("byte 0x%02x is not UTF-8", body[0])
	}
	return append(text, body[:n]...), body[n:], nil
}

// simple are the escapes of one letter and what they stand for.
const simple, simpleBytes = `\'"nrt`, "\\'\"\n\r\t"

// appendEscape does the same for a character that is written with a backslash.
func appendEscape(text []byte, body string, isBytes bool) ([]byte, string, error) {
	if len(body) < 2 {
		return nil, "", errors.New("the token ends with a lone backslash")
	}
	digits := 0
	switch c := body[1]; {
	case strings.IndexByte(simple, c) >= 0:
		return append(text, simpleBytes[strings.IndexByte(simple, c)]), body[2:], nil
	case c == 'x':
		digits = 2
	case c == 'u' && !isBytes:
		digits = 4
	case c == 'U' && !isBytes:
		digits = 8
	default:
		return nil, "", fmt.Errorf("unknown escape %q", body[:2])
	}
	code, ok := hex(body[2:], digits)
	switch {
	case !ok:
		return nil, "", fmt.Errorf("escape %q wants %d hexadecimal digits", body[:2], digits)
	case isBytes:
		return append(text, byte(code)), body[2+digits:], nil
	case !utf8.ValidRune(rune(code)):
		return nil, "", fmt.Errorf("escape %q is not a character", body[:2+digits])
	}
	return utf8.AppendRune(text, rune(code)), body[2+digits:], nil
}

// hex reads exactly so many hexadecimal digits from the start of s.
func hex(s string, digits int) (uint32, bool) {
	if len(s) < digits {
		return 0, false
	}
	code, err := strconv.ParseUint(s[:digits], 16, 32)
	return uint32(code), err == nil
}
