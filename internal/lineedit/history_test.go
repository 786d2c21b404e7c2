package lineedit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/lineedit"
)

func TestMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		typed, want string
		open        bool
	}{
		"a line":                      {"one", "one", false},
		"a backslash":                 {`one\`, "one\n", true},
		"marks, opened":               {`"""one`, "\"\"\"one\n", true},
		"marks, closed":               {"\"\"\"\none\n\"\"\"", "one", false},
		"marks, and more behind":      {`"""one""" two`, "one two", false},
		"marks in the middle":         {`say """one`, `say """one`, false},
		"the argument of a command":   {"/system \"\"\"a\nb\"\"\"", "/system a\nb", false},
		"half such an argument":       {`/system """a`, "/system \"\"\"a\n", true},
		"a command that says nothing": {"/think", "/think", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, open := lineedit.Message(tc.typed)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.open, open)
		})
	}
}

func TestADamagedHistoryIsStillRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	require.NoError(t, os.WriteFile(path, []byte("\"one\"\n{]\n\"half"), 0o600))
	h, err := lineedit.OpenHistory(path)
	require.NoError(t, err)
	require.NoError(t, h.Add("two"))
	require.NoError(t, h.Add("three"))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "\"one\"\n{]\n\"half\n\"two\"\n\"three\"\n", string(data), "an entry begins on a line of its own")
}

func TestALargeHistoryIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var all strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&all, "%q\n", fmt.Sprint(i, strings.Repeat(" word", 1000)))
	}
	all.WriteString("\"" + strings.Repeat("x", 4<<20) + "\"\n")
	require.NoError(t, os.WriteFile(path, []byte(all.String()), 0o600))
	_, err := lineedit.OpenHistory(path)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 1000, strings.Count(string(data), "\n"))
	assert.True(t, strings.HasPrefix(string(data), "\"2000 word"))
}
