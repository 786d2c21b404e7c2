package chat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Whatever the pieces are, a part stands in the answer where it says.
func TestPartsSayWhereTheyStand(t *testing.T) {
	think, err := prompt.ParseThink("on")
	require.NoError(t, err)
	for _, answer := range []string{
		">\nHm, </thin k.\n</think>\n\n Hello </think> there \n<think>More</think> The end. ",
		" Hi\n```json\n{\"name\": \"f\"}\n```\nSaid.",
		"  \n", "",
	} {
		for size := 1; size <= len(answer)+1; size++ {
			s := chat.Format{Calls: true}.NewSplitter(think)
			var parts []chat.Part
			for rest := answer; rest != ""; {
				n := min(size, len(rest))
				parts = append(parts, s.Push(rest[:n])...)
				rest = rest[n:]
			}
			parts = append(parts, s.Flush()...)
			end := 0
			for _, p := range parts {
				require.GreaterOrEqual(t, p.At, end)
				assert.Equal(t, p.Text, answer[p.At:][:len(p.Text)])
				end = p.At + len(p.Text)
			}
		}
	}
}

func TestASplitterKnowsWhetherTheModelThinks(t *testing.T) {
	think, err := prompt.ParseThink("on")
	require.NoError(t, err)
	s := chat.Format{}.NewSplitter(think)
	assert.True(t, s.Thinking())
	var thinking strings.Builder
	for _, c := range ">Hm</think> Hi\n<think>" {
		s.Push(string(c))
		thinking.WriteByte(map[bool]byte{true: 't', false: '-'}[s.Thinking()])
	}
	assert.Equal(t, "tttttttttt----------tt", thinking.String(), "the tag's > is its last character")
}
