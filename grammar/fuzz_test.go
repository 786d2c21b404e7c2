package grammar_test

import (
	"math/rand/v2"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// explore samples a text of a grammar. There are no dead ends, and a text that ends is UTF-8.
func explore(t *testing.T, g *grammar.Grammar, seed uint64) (text []byte, ended bool) {
	s, err := g.Over(byteVocabulary).Start()
	if err != nil {
		require.ErrorContains(t, err, "too ")
		return nil, false
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		s.Forced()
		m, err := s.Mask()
		if err != nil {
			require.ErrorContains(t, err, "too ", "after %q", text)
			return nil, false
		}
		list := tokensOf(m)
		next := list[rnd.IntN(len(list))]
		if s.MayEnd() && rnd.IntN(3) == 0 {
			next = tokenizer.EndOfText
		}
		if s, err = s.Push(next); err != nil {
			require.ErrorContains(t, err, "too ")
			return nil, false
		}
		if next == tokenizer.EndOfText {
			require.True(t, utf8.Valid(text), "%q", text)
			return text, true
		}
		text = append(text, byte(next-1))
	}
	return nil, false
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{jsonGBNF, `root ::= ("a"{2,3} | [^x-z]* b)+ # c`, "root ::= b\nb ::= b2? \"\\u00e9\" | .{1,}", `root ::= "a" root | ((("b"?){3})*){2,}`} {
		f.Add(seed, uint64(1))
	}
	f.Fuzz(func(t *testing.T, source string, seed uint64) {
		g, err := grammar.Parse(source)
		if err != nil {
			var bad *grammar.Error
			require.ErrorAs(t, err, &bad)
			return
		}
		explore(t, g, seed)
	})
}

func FuzzRegexp(f *testing.F) {
	for _, seed := range []string{`^a(b|c){2,5}$`, `(?i)x+[^y]*\p{L}?`, `\d{3}-\d{4}|.*`, `(a*)*b`, `0\Q`} {
		f.Add(seed, uint64(1))
	}
	f.Fuzz(func(t *testing.T, pattern string, seed uint64) {
		g, err := grammar.Regexp(pattern)
		if err != nil {
			var bad *grammar.Error
			require.ErrorAs(t, err, &bad)
			return
		}
		if text, ended := explore(t, g, seed); ended {
			whole := regexp.MustCompile(pattern)
			whole.Longest()
			require.Equal(t, []int{0, len(text)}, whole.FindIndex(text), "%q", text)
		}
	})
}

var hugeNumber = regexp.MustCompile(`[eE][+-]?[0-9]{3}`)

func FuzzFromSchema(f *testing.F) {
	f.Add([]byte(personSchema), uint64(1))
	for _, seed := range []string{
		`{"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["next"]}},"$ref":"#/$defs/n"}`,
		`{"allOf":[{"properties":{"a":{"minimum":1}}},{"required":["a"],"additionalProperties":{"type":"integer"}}]}`,
		`{"oneOf":[{"type":"integer","exclusiveMaximum":7},{"pattern":"^a+$"},{"prefixItems":[{"const":1},{"enum":[null,{"a":2}]}],"maxItems":3}]}`,
		`{"type":["string","null"],"minLength":2,"maxLength":5}`, `{"format":"date"}`,
	} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, source []byte, seed uint64) {
		g, err := grammar.FromSchema(source)
		if err != nil {
			var bad *grammar.Error
			require.ErrorAs(t, err, &bad)
			return
		}
		if text, ended := explore(t, g, seed); ended {
			v, err := jsonschemaValue(string(text))
			require.NoError(t, err, "%q", text)
			if hugeNumber.Match(source) {
				return // the other implementation computes all digits
			}
			if other := tryJudge(source); other != nil {
				require.NoError(t, other.Validate(v), "%q", text)
			}
		}
	})
}
