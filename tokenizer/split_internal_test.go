package tokenizer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// wordsOf are the words of a text, with bars between.
func wordsOf(split splitter, text string) string {
	var words []string
	for len(text) > 0 {
		n := split([]byte(text))
		words = append(words, text[:n])
		text = text[n:]
	}
	return strings.Join(words, "|")
}

func TestWords(t *testing.T) {
	for _, tc := range []struct{ text, gpt2, qwen2 string }{
		{"don't DON'T", "don|'t| DON|'|T", "don|'t| DON|'T"},
		{"we'll'LL'lx", "we|'ll|'|LL|'|lx", "we|'ll|'LL|'lx"},
		{"'ſx", "'|ſx", "'ſ|x"},
		{"'ßa", "'|ßa", "'ßa"},
		{" 's", " '|s", " '|s"},
		{"a  b", "a| | b", "a| | b"},
		{"a\n\nb", "a|\n|\n|b", "a|\n\n|b"},
		{"a\n\n", "a|\n\n", "a|\n\n"},
		{"a \n  b", "a| \n | b", "a| \n| | b"},
		{"\ra\tb\u00a0c", "\r|a|\t|b|\u00a0|c", "\r|a|\tb|\u00a0c"},
		{"12345 678", "12345| 678", "1|2|3|4|5| |6|7|8"},
		{"x!\n\ny", "x|!|\n|\n|y", "x|!\n\n|y"},
		{" !? ?", " !?| ?", " !?| ?"},
		{"!a ½Ⅷ", "!|a| ½Ⅷ", "!a| |½|Ⅷ"},
		{"\x85 a\u180e", "\x85| a|\u180e", "\x85| a|\u180e"},
		{"\u0085 a", "\u0085| a", "\u0085| a"},
		{"\U000105c0a\U00016d70", "\U000105c0a|\U00016d70", "\U000105c0a|\U00016d70"},
	} {
		assert.Equal(t, tc.gpt2, wordsOf(splitGPT2, tc.text), "GPT-2, %q", tc.text)
		assert.Equal(t, tc.qwen2, wordsOf(splitQwen2, tc.text), "Qwen2, %q", tc.text)
	}
}
