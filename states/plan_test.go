package states_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestPlan(t *testing.T) {
	word := strings.Repeat("\xff", 1) // a byte that no longer token of the vocabulary has
	text := func(tokens int) string { return strings.Repeat(word, tokens) }
	require.Len(t, encode(t, text(1000)), 1000)
	for name, tc := range map[string]struct {
		tokens, covered, junction int
		marks                     states.Marks
		want                      []int
	}{
		"the end":                            {tokens: 100, want: []int{100}},
		"nothing short":                      {tokens: 15, want: nil},
		"just long enough":                   {tokens: 16, want: []int{16}},
		"turns":                              {tokens: 300, marks: states.Marks{System: 50, History: 250, Turns: []int{50, 150, 250, 290}}, want: []int{50, 250, 300}},
		"a short system prompt":              {tokens: 300, marks: states.Marks{System: 15, History: 250}, want: []int{250, 300}},
		"no history":                         {tokens: 300, marks: states.Marks{System: 50, History: 50}, want: []int{50, 300}},
		"before the thoughts":                {tokens: 300, marks: states.Marks{Answer: 298}, want: []int{298}},
		"what is covered":                    {tokens: 300, covered: 250, marks: states.Marks{System: 50, History: 250}, want: []int{300}},
		"all is covered":                     {tokens: 300, covered: 300, marks: states.Marks{System: 50}, want: nil},
		"a junction":                         {tokens: 300, junction: 120, marks: states.Marks{System: 50}, want: []int{50, 120, 300}},
		"a long turn":                        {tokens: 5000, want: []int{512, 1024, 2048, 4096, 5000}},
		"distances count from the turn":      {tokens: 3000, marks: states.Marks{System: 100, Turns: []int{100, 1000, 2990}}, want: []int{100, 612, 1512, 2024, 3000}},
		"places inside save something":       {tokens: 1080, covered: 460, want: []int{1080}},
		"places inside may save just enough": {tokens: 1088, covered: 448, want: []int{512, 1024, 1088}},
		"marks beyond the text":              {tokens: 100, marks: states.Marks{System: 1 << 40, History: -5, Answer: 101, Turns: []int{-1, 1 << 40}}, want: []int{100}},
		"a short question":                   {tokens: 300, marks: states.Marks{History: 290}, want: []int{290}},
		"a junction close to the history":    {tokens: 300, junction: 280, marks: states.Marks{History: 295}, want: []int{280, 300}},
		"close to what is covered":           {tokens: 300, covered: 240, marks: states.Marks{History: 250, Answer: 256}, want: []int{256}},
		"turns in any order":                 {tokens: 1300, marks: states.Marks{Turns: []int{1200, 600, 600}}, want: []int{512, 1112, 1300}},
	} {
		t.Run(name, func(t *testing.T) {
			p := cut(t, text(tc.tokens))
			assert.Equal(t, tc.want, append([]int(nil), p.Plan(tc.marks, tc.covered, tc.junction)...))
		})
	}
}

func TestAMarkInsideOfATokenIsPlacedBeforeIt(t *testing.T) {
	p := cut(t, long+"\n\nUser: a goose")
	whole := len(p.Tokens())
	assert.Equal(t, []int{whole - 1}, p.Plan(states.Marks{Answer: len(long) + len("\n\nUser: a goo")}, 0, 0))
}

func TestPlacesOfPromptsOfIds(t *testing.T) {
	text := encode(t, long)
	assert.Equal(t, []int{100, len(text)}, states.NewPrompt(nil, text).Plan(states.Marks{System: 10}, 0, 100))
	ended := append(text, tokenizer.EndOfText)
	assert.Equal(t, []int{50, len(ended)}, states.NewPrompt(tokenizer.World(), ended).Plan(states.Marks{System: len(tokenizer.World().Decode(text[:50]))}, 0, 0))
	none := make([]tokenizer.Token, 40)
	assert.Empty(t, states.NewPrompt(tokenizer.World(), none).Plan(states.Marks{}, 0, 0), "there is no text")
}
