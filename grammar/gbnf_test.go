package grammar_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var byteVocabulary = grammar.NewVocabulary(tokenizer.Bytes())

// accepts reports whether a grammar takes a whole text.
func accepts(t *testing.T, g *grammar.Grammar, text string) bool {
	t.Helper()
	s, err := g.Over(byteVocabulary).Start()
	require.NoError(t, err)
	s, err = s.PushBytes([]byte(text))
	return err == nil && s.MayEnd()
}

// jsonGBNF is the grammar of JSON objects.
const jsonGBNF = `
root   ::= object # not any value
object ::= "{" s (pair ("," s pair)*)? "}" s
pair   ::= string ":" s any
array  ::= "[" s (
    any ("," s any)*  # groups may contain line ends
  )? "]" s
any    ::= object | array | string | number
         | ("true" | "false" | "null") s
string ::= "\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" hex{4}))* "\"" s
hex    ::= [0-9A-Fa-f]
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([Ee] [-+]? [0-9]+)? s
s      ::= [ \t\n]{0,8}
`

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		source   string
		fits     []string
		fitsNone []string
	}{
		"a literal":           {`root ::= "a\n\x41\u00e9\U0001F600\""`, []string{"a\nAé😀\""}, []string{"", "a", "a\nAé😀\"x"}},
		"alternatives":        {"root ::= \"a\" | \"b\"\n  | \"c\"", []string{"a", "b", "c"}, []string{"ab", ""}},
		"an empty rule":       {"root ::= \"a\" b \"c\"\nb ::=", []string{"ac"}, []string{"abc"}},
		"star":                {`root ::= "a"* "b"`, []string{"b", "aaab"}, []string{"a"}},
		"plus":                {`root ::= ("a" | "b")+`, []string{"a", "abba"}, []string{"", "c"}},
		"optional":            {`root ::= "a"? "b"`, []string{"b", "ab"}, []string{"aab"}},
		"exactly":             {`root ::= [0-9]{3}`, []string{"123"}, []string{"12", "1234"}},
		"at least":            {`root ::= [0-9]{2,}`, []string{"12", "1234567"}, []string{"1"}},
		"between":             {`root ::= ("ab" | "c"){2,3}`, []string{"abc", "ccc", "abab"}, []string{"c", "cccc"}},
		"at most":             {`root ::= "a"{0,2}`, []string{"", "a", "aa"}, []string{"aaa"}},
		"never":               {`root ::= "a"{0} "b"{0,0} "c"`, []string{"c"}, []string{"ac"}},
		"nested counts":       {`root ::= (("a"{2,3} ","){2})+`, []string{"aa,aaa,", "aa,aa,aaa,aaa,"}, []string{"aa,", "aa,aa,aa,"}},
		"counts of nothing":   {`root ::= ("a"?){2,4} ("b"*){3} ("c"?){2,}`, []string{"", "aaaa", "bbbbb", "cccc"}, []string{"aaaaa"}},
		"classes":             {`root ::= [a-c\]x-] [^a-c]`, []string{"ab"[:1] + "é", "]d", "-\n", "x😀"}, []string{"aa", "d-"}},
		"classes of Unicode":  {`root ::= [а-яё]+ [一-龥]`, []string{"привет中"}, []string{"hi中", "при"}},
		"any character":       {`root ::= . .`, []string{"ab", "é中", "\n😀"}, []string{"a", "\xff\xff", "\xed\xa0\x80a"}},
		"recursion":           {`root ::= "(" root ")" | "x"`, []string{"x", "((x))"}, []string{"((x)"}},
		"recursion, ending":   {`root ::= "a" root | "b"`, []string{"b", strings.Repeat("a", 5000) + "b"}, []string{"a"}},
		"comments and spaces": {"# one\nroot ::= # two\n\"a\" # three\n\n\n# four", []string{"a"}, []string{""}},
		"sums": {
			"root ::= (sum \";\")+\nsum ::= product ([-+] product)*\nproduct ::= factor (\"*\" factor)*\nfactor ::= [0-9]{1,4} | [a-z_] [a-z0-9_]* | \"(\" sum \")\"",
			[]string{"1;", "a+(3*b_1)-2;1;"}, []string{"1", "a+;", "(1;", "12345;"},
		},
		"a table": {
			"root ::= row{2,}\nrow ::= (cell \",\")* cell \"\\n\"\ncell ::= [^,\"\\n]* | \"\\\"\" ([^\"] | \"\\\"\\\"\")* \"\\\"\"",
			[]string{"a,b\n1,\"2 \"\"x\"\"\n\"\n", "\n\n"}, []string{"a,b\n", "a\n\"b\n"},
		},
		"JSON": {jsonGBNF, []string{`{}`, `{"a": [1, -2.5e+3, null, {"b": "\u00e9\n"}], "é": true}`}, []string{`[]`, `{"a"}`, `{"a":01}`, `{"a":1,}`}},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := grammar.Parse(tc.source)
			require.NoError(t, err)
			for _, text := range tc.fits {
				assert.True(t, accepts(t, g, text), "%q fits", text)
			}
			for _, text := range tc.fitsNone {
				assert.False(t, accepts(t, g, text), "%q does not fit", text)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ source, reason string }{
		"nothing":                   {"", `rule "root" is not defined`},
		"no root":                   {`a ::= "b"`, `rule "root" is not defined`},
		"an undefined rule":         {"root ::= \"a\"\n  | foo-bar", `line 2, column 5: rule "foo-bar" is not defined`},
		"a rule twice":              {"root ::= \"a\"\nroot ::= \"b\"", `line 2, column 1: rule "root" is defined twice`},
		"no ::=":                    {`root = "a"`, `line 1, column 6: want ::= behind the name of rule "root", got "="`},
		"text without end":          {"root ::= \"abc\nd", "line 1, column 10: the text in quotes has no end"},
		"class without end":         {"root ::= [a-", "the class of characters has no end"},
		"an empty class":            {"root ::= []", "the class of characters is empty"},
		"a range upside down":       {"root ::= [z-a]", "upside down"},
		"group without end":         {`root ::= ("a"`, "the group has no end"},
		"a stray bracket":           {`root ::= "a")`, `want the end of rule "root", got ")"`},
		"a group cut by a comment":  {"root ::= (\"a\" # b)\nc ::= \"d\"", `line 2, column 3: want ) for the group that begins in line 1, got ":"`},
		"an unknown escape":         {`root ::= "\q"`, "line 1, column 11: unknown escape"},
		"a surrogate":               {`root ::= "\ud800"`, "the escape needs 4 hexadecimal digits of a character"},
		"not UTF-8":                 {"root ::= \"\xff\"", "not UTF-8"},
		"a token":                   {`root ::= <think>`, "tokens in angle brackets are not supported"},
		"a count upside down":       {`root ::= "a"{3,2}`, "at least 3 and at most 2"},
		"a huge count":              {`root ::= "a"{1,99999999999999999999}`, "more than 65536"},
		"a count without number":    {`root ::= "a"{x}`, `want a number, got "x"`},
		"left recursion":            {`root ::= root "a" | "b"`, `rule "root" begins with itself`},
		"hidden left recursion":     {"root ::= a \"x\"\na ::= b? root | \"y\"\nb ::= \"z\"", "left recursion"},
		"recursion without end":     {`root ::= "a" root`, `no text fits rule "root"`},
		"too many rules":            {"root ::= \"a\"\n" + manyRules(), "4100 rules, at most 4096"},
		"too long":                  {"root ::= \"" + strings.Repeat("a", 70000) + "\"", "at most 65536"},
		"too large":                 {"root ::= " + strings.Repeat(".", 60000), "more than 131072 instructions"},
		"too deep":                  {"root ::= " + strings.Repeat("(", 5000), "nested more than 128 deep"},
		"a count of what is nobody": {`root ::= ("a"*){1,1000}`, "may be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := grammar.Parse(tc.source)
			var bad *grammar.Error
			require.ErrorAs(t, err, &bad)
			assert.Contains(t, err.Error(), tc.reason)
		})
	}
}

func manyRules() string {
	var b strings.Builder
	for i := range 4099 {
		b.WriteString("r" + strconv.FormatInt(int64(i), 36) + "::=\"\"\n")
	}
	return b.String()
}
