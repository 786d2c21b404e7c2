package tokenizer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

func TestTheClassesAreThoseOfUnicode16(t *testing.T) {
	counts := map[class]int{}
	for _, c := range classes() {
		counts[c]++
	}
	delete(counts, other)
	assert.Equal(t, map[class]int{letter: 141028, number: 1911, blank: 25}, counts, "of a newer Go the new letters must be taken out again")
}

func TestTheNormalFormIsThatOfUnicode9(t *testing.T) {
	marks := strings.Repeat("\u0301", 49)
	for text, want := range map[string]string{
		"":                             "",
		"é":                            "é",
		"e\u0301":                      "é",
		"a\u0323\u0302":                "\u1ead",
		"a\u0302\u0323":                "\u1ead",
		"\u212b\u2126":                 "\u00c5\u03a9",
		"\u1100\u1161\u11a8":           "각",
		"\u0958":                       "\u0915\u093c", // never composed
		"\u0f73":                       "\u0f71\u0f72",
		"e\u0301" + marks + "\u0316":   "é\u0316" + marks,      // no joiner among many marks
		"\U00011935\U00011930":         "\U00011935\U00011930", // composed since Unicode 13
		"a\u0898\u0316":                "a\u0898\u0316",        // in order since Unicode 14
		"e\u0301\xffe\u0301":           "é\xffé",
		"e\u030d\u0301":                "e\u030d\u0301", // one of its class stands between
		"\u0301e":                      "\u0301e",
		"e\u0334\u0301":                "é\u0334",
		"e\u0301\u0300":                "é\u0300",
		"\U0001d157\U0001d165 e\u0301": "\U0001d157\U0001d165 é",
	} {
		assert.Equal(t, want, string(composed([]byte(text))), "%+q", text)
	}
}

// scanned merges as the definition says: the pair of the lowest rank, the first of equal ones, until there is none.
func scanned(table *mergeTable, tokens []Token) []Token {
	for {
		best := merge{rank: noMerge}
		at := -1
		for i := range len(tokens) - 1 {
			if m := table.find(tokens[i], tokens[i+1]); m.rank < best.rank {
				best, at = m, i
			}
		}
		if at < 0 {
			return tokens
		}
		tokens = append(append(append([]Token{}, tokens[:at]...), best.token), tokens[at+2:]...)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("the geese don't mind the geese that don't mind them, since geese are geese"))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	b := NeoX()
	f.Fuzz(func(t *testing.T, word []byte) {
		defer fuzzing.Guard(t, len(word), 1<<10)()
		var tokens []Token
		for _, c := range word[:min(len(word), 300)] {
			if b.bytes[c] >= 0 {
				tokens = append(tokens, b.bytes[c])
			}
		}
		if len(tokens) == 0 {
			return
		}
		want := scanned(&b.merges, append([]Token{}, tokens...))
		var m merger
		long := append([]Token{}, tokens...)
		require.Equal(t, want, long[:m.mergeLong(&b.merges, long)])
		require.Equal(t, want, tokens[:m.merge(&b.merges, tokens)])
	})
}
