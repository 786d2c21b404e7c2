package utf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/utf"
)

// utf16Bytes encodes a text as UTF-16 without a mark.
func utf16Bytes(text string, order binary.AppendByteOrder) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func TestDecode(t *testing.T) {
	const text = "Die Gänse 鹅 𝄞\r\n"
	little, big := utf16Bytes(text, binary.LittleEndian), utf16Bytes(text, binary.BigEndian)
	var wide []byte
	for _, r := range text {
		wide = binary.LittleEndian.AppendUint32(wide, uint32(r))
	}
	for name, tc := range map[string]struct {
		data []byte
		text string
		is   utf.Encoding
	}{
		"UTF-8":                              {[]byte(text), text, utf.UTF8},
		"nothing":                            {nil, "", utf.UTF8},
		"UTF-8 behind a mark":                {[]byte("\xef\xbb\xbf" + text), text, utf.MarkedUTF8},
		"a mark alone":                       {[]byte("\xef\xbb\xbf"), "", utf.MarkedUTF8},
		"a mark inside the text stays":       {[]byte("a\xef\xbb\xbfb"), "a\ufeffb", utf.UTF8},
		"UTF-16LE":                           {append([]byte("\xff\xfe"), little...), text, utf.UTF16LE},
		"UTF-16BE":                           {append([]byte("\xfe\xff"), big...), text, utf.UTF16BE},
		"UTF-16LE without a mark":            {little, text, utf.UTF16LE},
		"UTF-16BE without a mark":            {big, text, utf.UTF16BE},
		"UTF-32LE":                           {append([]byte("\xff\xfe\x00\x00"), wide...), text, utf.UTF32LE},
		"UTF-32BE":                           {[]byte("\x00\x00\xfe\xff\x00\x01\xd1\x1e"), "𝄞", utf.UTF32BE},
		"Latin-1":                            {[]byte("G\xe4nse"), "G\xe4nse", utf.Unknown},
		"bytes with a zero, an odd number":   {[]byte("a\x00b"), "a\x00b", utf.UTF8},
		"bytes with a zero, no valid UTF-16": {[]byte("a\x00\x00\xd8b\x00"), "a\x00\x00\xd8b\x00", utf.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, is, err := utf.Decode(tc.data)
			require.NoError(t, err)
			assert.Equal(t, tc.text, string(got))
			assert.Equal(t, tc.is, is)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ data, reason string }{
		"half a unit":                {"\xff\xfea\x00b", "not valid UTF-16 (little-endian) at byte 4 of 5"},
		"half a pair":                {"\xff\xfe\x34\xd8", "at byte 2 of 4"},
		"a pair the wrong way round": {"\xfe\xff\x00a\xdd\x1e\xd8\x34", "UTF-16 (big-endian) at byte 4 of 8"},
		"half a pair inside":         {"\xff\xfe\x34\xd8a\x00", "at byte 2 of 6"},
		"three bytes of four":        {"\xff\xfe\x00\x00a\x00\x00", "UTF-32 (little-endian) at byte 4 of 7"},
		"no character":               {"\x00\x00\xfe\xff\x00\x11\x00\x00", "at byte 4 of 8"},
		"a negative character":       {"\x00\x00\xfe\xff\xff\xff\xff\xff", "at byte 4 of 8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := utf.Decode([]byte(tc.data))
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestInvalid(t *testing.T) {
	assert.Equal(t, -1, utf.Invalid([]byte("Gänse \ufffd")))
	assert.Equal(t, 1, utf.Invalid([]byte("G\xe4nse")))
	assert.Equal(t, 2, utf.Invalid([]byte("ab\xe9\xb9")))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xfe\xff\xd8\x34\xdd\x1e"))
	f.Add([]byte("\xef\xbb\xbfa"))
	f.Add([]byte("\x00\x00\xfe\xff\x00\x01\xd1\x1e"))
	f.Add([]byte("a\x00b\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, is, err := utf.Decode(data)
		if err != nil {
			return
		}
		assert.LessOrEqual(t, len(text), len(data)*3/2)
		switch is {
		case utf.UTF8, utf.Unknown:
			require.Equal(t, is == utf.UTF8, utf8.Valid(data))
			require.True(t, bytes.Equal(data, text))
		case utf.UTF16LE:
			body := bytes.TrimPrefix(data, []byte("\xff\xfe"))
			require.True(t, bytes.Equal(body, utf16Bytes(string(text), binary.LittleEndian)))
		case utf.MarkedUTF8: // not checked
		default:
			require.True(t, utf8.Valid(text))
		}
	})
}

func ExampleDecode() {
	text, is, err := utf.Decode([]byte("\xff\xfeH\x00i\x00"))
	fmt.Printf("%s, %s, %v\n", text, is, err)
	// Output: Hi, UTF-16 (little-endian), <nil>
}
