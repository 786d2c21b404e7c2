package intext_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/intext"
)

func Example() {
	text, notes, _ := intext.From("goose.txt", []byte("\xef\xbb\xbfhonk\n"))
	fmt.Printf("%q, %s\n", intext.WithoutLineEnd(text), notes)
	// Output: "honk", [goose.txt: the byte order mark at its beginning is left out]
}

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

func TestRead(t *testing.T) {
	const page = "<!DOCTYPE html><html><body>404</body></html>"
	for name, tc := range map[string]struct{ file, data, text, note, err string }{
		"UTF-8":                      {"a.txt", "honk\r\n", "honk\r\n", "", ""},
		"nothing":                    {"a.txt", "", "", "", ""},
		"UTF-16":                     {"a.txt", "\xff\xfeh\x00i\x00", "hi", "decoded from UTF-16", ""},
		"bytes of no encoding":       {"a.txt", "a\xffb", "a\xffb", "not UTF-8 at byte 1", ""},
		"a web page":                 {"a.txt", page, page, "is a web page or XML", ""},
		"a web page that says so":    {"a.HTML", page, page, "", ""},
		"what Git LFS leaves":        {"a.txt", pointer, "", "", "Git LFS"},
		"more than a text may have":  {"a.txt", "0123456789012345678901234567890123456789" + pointer, "", "", "larger than 160 bytes"},
		"half of a UTF-16 character": {"a.txt", "\xff\xfeh\x00i", "", "", "a.txt: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tc.file)
			require.NoError(t, os.WriteFile(path, []byte(tc.data), 0o600))
			text, notes, err := intext.Read(t.Context(), path, infile.Limit{Bytes: 160, What: "a text"})
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.text, string(text))
			if tc.note == "" {
				assert.Empty(t, notes)
			} else {
				require.Len(t, notes, 1)
				assert.Contains(t, notes[0], tc.note)
			}
		})
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	_, _, err := intext.Read(t.Context(), filepath.Join(t.TempDir(), "missing"), intext.Limit)
	require.ErrorIs(t, err, os.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("honk"), 0o600))
	_, _, err = intext.Read(ctx, path, intext.Limit)
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestWithoutLineEnd(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "\n": ""} {
		assert.Equal(t, want, string(intext.WithoutLineEnd([]byte(text))), "%q", text)
	}
}
