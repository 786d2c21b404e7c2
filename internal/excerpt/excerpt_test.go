package excerpt_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

func Example() {
	fmt.Println(excerpt.Of([]int64{64, 96}))
	fmt.Println(excerpt.Of(strings.Repeat("goose ", 100)))
	// Output:
	// [64 96]
	// "goose goose goose goose goose goose goose goose goose goose goose goose goose go"...
}

func TestValuesOfAnySizeAndDepthTakeOneLine(t *testing.T) {
	var deep any = 1
	for range 64 {
		deep = []any{deep, deep} // 2^64 values for code that walks through it
	}
	round := map[string]any{}
	round["self"] = round
	for name, tc := range map[string]struct {
		value any
		want  string
	}{
		"nothing":                {nil, "nothing"},
		"a number":               {1001, "1001"},
		"a text":                 {"a\nb", `"a\nb"`},
		"runes are not cut":      {strings.Repeat("é", 41) + "a", `"` + strings.Repeat("é", 40) + `"...`},
		"bytes":                  {[]byte{0, 'a'}, `"\x00a"`},
		"a long list":            {make([]int, 1000), "[0 0 0 0 0 0 0 0 ... 1000 in all]"},
		"a list of long texts":   {[]string{strings.Repeat("a", 100)}, `["` + strings.Repeat("a", 80) + `"...]`},
		"one that is very deep":  {deep, "a list of 2"},
		"one that holds itself":  {round, "a map[string]interface {}"},
		"a pointer to something": {&deep, "a *interface {}"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, excerpt.Of(tc.value))
		})
	}
}

func TestErrorsAreCut(t *testing.T) {
	short := errors.New("a goose")
	assert.Same(t, short, excerpt.Error(short))
	assert.NoError(t, excerpt.Error(nil))
	long := fmt.Errorf("a number of %s: %w", strings.Repeat("1", 1<<20), short)
	cut := excerpt.Error(long)
	assert.Len(t, cut.Error(), 1003)
	assert.ErrorIs(t, cut, short)
}

func TestLinesAreCut(t *testing.T) {
	assert.Equal(t, "a\nb", excerpt.Lines("a\nb"))
	assert.Equal(t, "a\n"+strings.Repeat("é", 500)+"...", excerpt.Lines("a\n"+strings.Repeat("é", 501)))
	assert.Equal(t, strings.Repeat("a\n", 100)+"... and 3 more lines", excerpt.Lines(strings.Repeat("a\n", 102)+"a"))
	assert.Equal(t, strings.Repeat("a\n", 99)+"a", excerpt.Lines(strings.Repeat("a\n", 99)+"a"))
}

func TestErrorsOfFilesNameNoSystemCall(t *testing.T) {
	for _, op := range []string{"open", "stat", "GetFileAttributesEx", "CreateFile"} {
		err := fmt.Errorf("m.pth: %w", &os.PathError{Op: op, Path: `a\m.gguf`, Err: os.ErrNotExist})
		assert.Equal(t, `m.pth: a\m.gguf: file does not exist`, excerpt.Message(err))
	}
	err := &os.PathError{Op: "write", Path: "m.gguf", Err: os.ErrClosed}
	assert.Equal(t, "write m.gguf: file already closed", excerpt.Message(err), "what failed says more than the name")
}
