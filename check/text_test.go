package check_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/check"
)

func TestFindingsArePrintedOneALine(t *testing.T) {
	for want, f := range map[string]check.Findings{
		"m.gguf: nothing is wrong\n":          {},
		"note: a\nm.gguf: nothing is wrong\n": {Notes: []string{"a"}},
		"wrong: b\nwrong: c\nnote: a\n":       {Problems: []string{"b", "c"}, Notes: []string{"a"}},
	} {
		var out bytes.Buffer
		require.NoError(t, f.WriteText(&out, "m.gguf"))
		assert.Equal(t, want, out.String())
	}
}
