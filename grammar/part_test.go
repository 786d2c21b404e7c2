package grammar_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func made(t testing.TB, p grammar.Part) *grammar.Grammar {
	t.Helper()
	g, err := grammar.New(p)
	require.NoError(t, err)
	return g
}

func TestPartsMakeAGrammar(t *testing.T) {
	number := grammar.GBNF(`root ::= digit+
digit ::= [0-9]`)
	p := grammar.Sequence(grammar.Text("<"), grammar.Either(number, grammar.Schema(`{"properties":{"a":{"$ref":"#"}}}`), grammar.GBNF(`root ::= "a" root?`)), grammar.Text(">"))
	g := made(t, p)
	for text, want := range map[string]bool{
		"<12>": true, `<{"a":{"a":{}}}>`: true, "<aa>": true, "<>": false, "<1a>": false, `<{"a":1}>`: false, "12": false,
	} {
		assert.Equal(t, want, accepts(t, g, text), text)
	}
}

func TestKeysTellPartsApart(t *testing.T) {
	parts := []grammar.Part{
		grammar.Text("a"), grammar.Text("1:a"), grammar.GBNF("a"), grammar.Schema("a"), grammar.Without("a"), grammar.Without("a", "b"),
		grammar.Sequence(grammar.Text("a"), grammar.Text("b")), grammar.Sequence(grammar.Text("a1:b")), grammar.Either(grammar.Text("a"), grammar.Text("b")),
		grammar.Text("a").Else(grammar.Text("b")),
	}
	keys := map[string]bool{}
	for _, p := range parts {
		keys[p.Key()] = true
	}
	assert.Len(t, keys, len(parts))
	assert.Equal(t, grammar.Text("a").Key(), grammar.Text("a").At("here").Key())
}

func TestAPartThatCannotBeCompiled(t *testing.T) {
	bad := grammar.Schema(`{"items":{"not":{}}}`)
	_, err := grammar.New(grammar.Sequence(grammar.Text("x"), bad.At("tools[1]")))
	var e *grammar.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "tools[1]", e.Source)
	assert.Equal(t, `tools[1]: #/items: the keyword "not" is not supported`, e.Error())
	g := made(t, grammar.Sequence(grammar.Text("x"), bad.Else(grammar.Object())))
	assert.True(t, accepts(t, g, "x{}"))
	assert.False(t, accepts(t, g, "x[]"))
	_, err = grammar.New(grammar.Without("é"))
	assert.ErrorContains(t, err, "not ASCII")
}

// TestWithout compares with strings.Contains, for texts of the marks' own letters.
func TestWithout(t *testing.T) {
	for _, marks := range [][]string{{"</think>"}, {"\n```json", "\n<think"}, {"aab", "ab"}, {"abab", "bb"}, {"a"}} {
		g := made(t, grammar.Without(marks...))
		for text := range textsOf(marks) {
			want := !slices.ContainsFunc(marks, func(m string) bool { return strings.Contains(text, m) })
			require.Equal(t, want, accepts(t, g, text), "%q without %q", text, marks)
		}
	}
}

func TestLinesWithout(t *testing.T) {
	marks := []string{"```json", "<think"}
	g := made(t, grammar.LinesWithout(marks...))
	for text := range textsOf(append(marks, "\n", " \n", "\u00a0")) {
		trimmed := "\n" + strings.TrimLeftFunc(text, unicode.IsSpace)
		want := !strings.Contains(trimmed, "\n```json") && !strings.Contains(trimmed, "\n<think")
		require.Equal(t, want, accepts(t, g, text), "%q", text)
	}
}

// textsOf returns random texts of marks and of their beginnings and letters.
func textsOf(marks []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		rnd := rand.New(rand.NewPCG(7, 7))
		letters := []rune(strings.Join(marks, "") + "é")
		for range 2000 {
			var b strings.Builder
			for range rnd.IntN(12) {
				if m := marks[rnd.IntN(len(marks))]; rnd.IntN(2) == 0 && utf8.RuneCountInString(m) == len(m) {
					b.WriteString(m[:1+rnd.IntN(len(m))])
				} else {
					b.WriteRune(letters[rnd.IntN(len(letters))])
				}
			}
			if !yield(b.String()) {
				return
			}
		}
	}
}

// TestWithoutIsShallow reads a long text: the rules call each other at their ends only.
func TestWithoutIsShallow(t *testing.T) {
	g := made(t, grammar.Sequence(grammar.Without("</think>"), grammar.Text("</think>{}")))
	s := start(t, g, worldVocabulary())
	s, err := s.PushBytes([]byte(strings.Repeat("</thin a < b\n", 3000)))
	require.NoError(t, err)
	_, err = s.Mask()
	require.NoError(t, err)
	s, err = s.PushBytes([]byte("</think>"))
	require.NoError(t, err)
	assert.Equal(t, "{}", string(s.Forced()))
}

func TestAShelfSharesAutomata(t *testing.T) {
	shelf := grammar.NewShelf(tokenizer.Bytes())
	a, err := shelf.Take(grammar.Schema(`{"type":"string"}`))
	require.NoError(t, err)
	b, err := shelf.Take(grammar.Schema(`{"type":"string"}`).At("json_schema"))
	require.NoError(t, err)
	assert.Same(t, a, b)
	shelf.Return(a)
	shelf.Return(b)
	again, err := shelf.Take(grammar.Schema(`{"type":"string"}`))
	require.NoError(t, err)
	assert.Same(t, a, again, "kept for the next one")
	_, err = shelf.Take(grammar.GBNF("root ::= ("))
	assert.Error(t, err)
}

// TestAShelfIsBounded fills a shelf with large grammars, in use and not.
func TestAShelfIsBounded(t *testing.T) {
	shelf := grammar.NewShelf(tokenizer.Bytes())
	large := func(i int) grammar.Part {
		return grammar.Sequence(grammar.Text(strings.Repeat("x", i)), grammar.GBNF(`root ::= `+strings.Repeat(`"`+strings.Repeat("a", 90)+`" `, 600)))
	}
	first, err := shelf.Take(large(0))
	require.NoError(t, err)
	shelf.Return(first)
	var taken []*grammar.Automaton
	for i := 1; ; i++ {
		a, err := shelf.Take(large(i))
		if err != nil {
			assert.ErrorIs(t, err, grammar.ErrFull)
			break
		}
		require.Less(t, i, 100, "no bound was reached")
		taken = append(taken, a)
	}
	assert.Greater(t, len(taken), 3)
	shelf.Return(taken[0])
	a, err := shelf.Take(large(1000))
	require.NoError(t, err, "another one makes room")
	shelf.Return(a)
	again, err := shelf.Take(large(0))
	require.NoError(t, err)
	assert.NotSame(t, first, again, "it had to go")
}
