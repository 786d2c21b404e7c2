package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Files of byte-level BPE write each byte as a character that can be seen: GPT-2's alphabet. Bytes that are printable in
// Latin-1 are themselves, the others follow from U+0100 on, in their order.
var (
	letterOfByte = func() (letters [256]rune) {
		next := rune(0x100)
		for c := range letters {
			if '!' <= c && c <= '~' || 0xa1 <= c && c <= 0xac || 0xae <= c {
				letters[c] = rune(c)
				continue
			}
			letters[c] = next
			next++
		}
		return letters
	}()
	byteOfLetter = func() map[rune]byte {
		bytes := map[rune]byte{}
		for c, r := range letterOfByte {
			bytes[r] = byte(c)
		}
		return bytes
	}()
)

// spell writes bytes in letters of the alphabet.
func spell(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		out.WriteRune(letterOfByte[c])
	}
	return out.String()
}

// unspell returns the bytes of a token that is written in letters of the alphabet, or the token itself if it is not.
func unspell(token string) string {
	out := make([]byte, 0, len(token))
	for _, r := range token {
		c, ok := byteOfLetter[r]
		if !ok || r == utf8.RuneError {
			return token
		}
		out = append(out, c)
	}
	return string(out)
}
