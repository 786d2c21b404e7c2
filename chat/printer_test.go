package chat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
)

func TestAnAnswerIsShownWithTheTagsOfItsThoughts(t *testing.T) {
	for name, tc := range map[string]struct {
		parts []chat.Part
		want  string
	}{
		"an answer":                       {[]chat.Part{{Kind: chat.Answer, Text: "Hi "}, {Kind: chat.Answer, Text: "there"}}, "Hi there\n"},
		"thoughts":                        {[]chat.Part{{Kind: chat.Thoughts, Text: "\nHm"}, {Kind: chat.Thoughts, Text: "."}}, "<think>\nHm.\n"},
		"thoughts and an answer":          {[]chat.Part{{Kind: chat.Thoughts, Text: "\nHm."}, {Kind: chat.Answer, Text: "Hi"}}, "<think>\nHm.</think>\nHi\n"},
		"an answer and thoughts":          {[]chat.Part{{Kind: chat.Answer, Text: "Hi"}, {Kind: chat.Thoughts, Text: "Hm"}}, "Hi\n<think>Hm\n"},
		"a call":                          {[]chat.Part{{Kind: chat.Call, Text: "{}"}}, "{}\n"},
		"nothing, which is an empty line": {nil, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			p := chat.Printer{Out: &out}
			for _, part := range tc.parts {
				require.NoError(t, p.Print(part))
			}
			require.NoError(t, p.End())
			assert.Equal(t, tc.want, out.String())
		})
	}
}
