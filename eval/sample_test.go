package eval_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/eval"
)

// kindsOf makes a question of each letter. The letter is its kind, and the questions of a kind are numbered.
func kindsOf(letters string) []eval.Question {
	seen := map[rune]int{}
	var questions []eval.Question
	for _, l := range letters {
		questions = append(questions, eval.Question{Kind: string(l), Right: seen[l]})
		seen[l]++
	}
	return questions
}

func TestSample(t *testing.T) {
	for name, tc := range map[string]struct {
		letters string
		n       int
		want    string
	}{
		"one of each kind":                        {"aaaabbbbcccc", 3, "a0 b0 c0"},
		"two of each kind":                        {"aaaabbbbcccc", 6, "a0 a1 b0 b1 c0 c1"},
		"fewer than there are kinds":              {"aabbccddeeff", 3, "a0 c0 e0"},
		"and one":                                 {"aabbcc", 1, "a0"},
		"what is over, at equal distances":        {"aabbccdd", 6, "a0 a1 b0 c0 c1 d0"},
		"small kinds are used up":                 {"aaaaabcc", 6, "a0 a1 a2 b0 c0 c1"},
		"kinds that are mixed stay in this order": {"abcabcabc", 4, "a0 b0 c0 a1"},
		"one kind alone: the first":               {"aaaa", 2, "a0 a1"},
		"all":                                     {"ab", 5, "a0 b0"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, q := range eval.Sample(kindsOf(tc.letters), tc.n) {
				got = append(got, q.Kind+string(rune('0'+q.Right)))
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
}
