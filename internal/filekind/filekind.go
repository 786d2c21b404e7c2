// Package filekind recognizes files of the wrong kind: the leftovers of a failed download, Git LFS pointers, and archives that
// must be unpacked first.
//
// Limits: it looks only at the first bytes.
package filekind

import (
	"bytes"
	"fmt"
	"slices"
)

// HeadSize is how many bytes of a file are needed to recognize its kind.
const HeadSize = 512

// magics are the first bytes of files of other kinds, and what to say about them.
var magics = []struct{ magic, what string }{
	{"PK\x05\x06", "is an empty zip archive: download it again"},
	{"\x1f\x8b", "is compressed with gzip: unpack it first"},
	{"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"},
	{"\xfd7zXZ\x00", "is compressed with xz: unpack it first"},
	{"BZh", "is compressed with bzip2: unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"},
	{"Rar!", "is a RAR archive: unpack it first"},
}

// Recognize says what a file that begins with head is and what to do about it, if the file is of a wrong kind. Otherwise it
// returns "". want is what the file should be, such as "model".
func Recognize(head []byte, want string) string {
	if IsPointer(head) {
		return fmt.Sprintf("is a Git LFS pointer, not the %s itself: run \"git lfs pull\" beside it, or download the file", want)
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.what
		}
	}
	switch {
	case len(head) == 0:
		return "is empty: download it again"
	case bytes.Count(head, []byte{0}) == len(head):
		return "begins with zeros only: the download is incomplete, download it again"
	case IsPage(head):
		return fmt.Sprintf("is a web page or XML, not the %s: the download failed, open the file in a browser to see why", want)
	}
	return ""
}

// pointers are the first words of Git LFS pointer files, under its current and its first name.
var pointers = []string{"version https://git-lfs", "version https://hawser"}

// IsPointer reports whether head begins a Git LFS pointer, the short text that Git keeps in place of a large file.
func IsPointer(head []byte) bool {
	head = bytes.TrimPrefix(head, mark)
	return slices.ContainsFunc(pointers, func(p string) bool { return bytes.HasPrefix(head, []byte(p)) })
}

// IsPage reports whether head begins a web page or XML.
func IsPage(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, mark), " \t\r\n")
	return len(text) > 1 && text[0] == '<' && (text[1] == '!' || text[1] == '?' || text[1] >= 'A' && text[1] <= 'Z' || text[1] >= 'a' && text[1] <= 'z')
}

// mark is the UTF-8 byte order mark, which some editors write at the start of a text.
var mark = []byte("\xef\xbb\xbf")
