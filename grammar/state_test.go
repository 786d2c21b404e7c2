package grammar_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var worldVocabulary = sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(tokenizer.World()) })

func start(t testing.TB, g *grammar.Grammar, v *grammar.Vocabulary) grammar.State {
	t.Helper()
	s, err := g.Over(v).Start()
	require.NoError(t, err)
	return s
}

func parse(t testing.TB, source string) *grammar.Grammar {
	t.Helper()
	g, err := grammar.Parse(source)
	require.NoError(t, err)
	return g
}

// tokensOf lists the tokens of a mask.
func tokensOf(m grammar.Mask) []tokenizer.Token {
	var list []tokenizer.Token
	for t := range tokenizer.Token(len(m) * 64) {
		if m.Has(t) {
			list = append(list, t)
		}
	}
	return list
}

// generate samples a text: any of the allowed tokens, and the end as soon as it is allowed with the given chance.
func generate(t testing.TB, s grammar.State, tok tokenizer.Tokenizer, rnd *rand.Rand, limit int, end float64) (string, bool) {
	t.Helper()
	var text []byte
	for range limit {
		m, err := s.Mask()
		require.NoError(t, err, "after %q", text)
		list := tokensOf(m)
		require.Equal(t, s.MayEnd(), m.Has(tokenizer.EndOfText))
		next := list[rnd.IntN(len(list))]
		if s.MayEnd() && (len(list) == 1 || rnd.Float64() < end) {
			next = tokenizer.EndOfText
		}
		s, err = s.Push(next)
		require.NoError(t, err, "the mask allowed token %d after %q", next, text)
		if next == tokenizer.EndOfText {
			return string(text), true
		}
		b, _ := tok.Bytes(next)
		text = append(text, b...)
	}
	return string(text), false
}

// TestMaskIsEachTokenAlone compares masks with trying every token, along random texts.
func TestMaskIsEachTokenAlone(t *testing.T) {
	texts, steps := 3, 12
	if testing.Short() {
		texts, steps = 1, 2
	}
	for name, source := range map[string]string{
		"JSON":          jsonGBNF,
		"counts":        `root ::= "\"" ([^"\\] | "\\" ["n]){3,200} "\"" ([0-9]{2,3} ","){150,400} [a-z]{1000}`,
		"short counts":  `root ::= "'" .{30} "'" [a-z0-9 ]{0,40} ("=" [^0]{5,12}){0,9}`,
		"recursion":     `root ::= "(" root ")" | "[" root? "]" | [a-zа-я ]*`,
		"any character": `root ::= .{3,9} "x"`,
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			world := tokenizer.World()
			for range texts {
				s := start(t, parse(t, source), worldVocabulary())
				for range steps {
					m, err := s.Mask()
					require.NoError(t, err)
					for id := range tokenizer.Token(world.Len()) {
						_, err := s.Push(id)
						if (err == nil) != m.Has(id) {
							b, _ := world.Bytes(id)
							require.Equal(t, err == nil, m.Has(id), "token %d, %q", id, b)
						}
					}
					list := tokensOf(m)
					next := list[rnd.IntN(len(list))]
					if next == tokenizer.EndOfText {
						break
					}
					s, err = s.Push(next)
					require.NoError(t, err)
				}
			}
		})
	}
}

func TestTextsAreWholeCharacters(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, source := range []string{`root ::= .{0,20}`, `root ::= [^a-z]*`, `root ::= [а-я一-龥😀-😎]{1,8} | [^\x00-\x7f]+`} {
		g := parse(t, source)
		for range 50 {
			for _, tok := range []tokenizer.Tokenizer{tokenizer.World(), tokenizer.Bytes()} {
				v := byteVocabulary
				if tok == tokenizer.Tokenizer(tokenizer.World()) {
					v = worldVocabulary()
				}
				text, ended := generate(t, start(t, g, v), tok, rnd, 60, 0.3)
				if ended {
					assert.True(t, utf8.ValidString(text), "%q", text)
				}
			}
		}
	}
}

func TestTextEnds(t *testing.T) {
	s := start(t, parse(t, `root ::= "ab" "c"?`), byteVocabulary)
	_, err := s.Push(tokenizer.EndOfText)
	require.ErrorContains(t, err, "at byte 0 of the text: the text cannot end here")
	s, err = s.PushBytes([]byte("ab"))
	require.NoError(t, err)
	assert.True(t, s.MayEnd())
	_, err = s.Push('x' + 1)
	require.ErrorContains(t, err, `at byte 2 of the text: the grammar does not allow "x"`)
	ended, err := s.Push(tokenizer.EndOfText)
	require.NoError(t, err)
	assert.False(t, ended.MayEnd())
	_, err = ended.Mask()
	require.ErrorContains(t, err, "no token of the vocabulary fits")
	s, err = s.Push('c' + 1) // s was a snapshot
	require.NoError(t, err)
	m, err := s.Mask()
	require.NoError(t, err)
	assert.Equal(t, []tokenizer.Token{tokenizer.EndOfText}, tokensOf(m))
}

func TestDeepTextsFindBack(t *testing.T) {
	g := parse(t, `root ::= "[" root "]" | "<=" mid ">" | "x"
mid ::= "(((" root "}" ")"`)
	s := start(t, g, byteVocabulary)
	for range 3000 { // never x while anything else is allowed
		m, err := s.Mask()
		require.NoError(t, err)
		list := tokensOf(m)
		if s, err = s.Push(list[0]); err != nil || list[0] == tokenizer.EndOfText {
			require.NoError(t, err)
			return
		}
	}
	t.Fatal("the text has no end")
}

func TestForced(t *testing.T) {
	world := tokenizer.World()
	s := start(t, parse(t, `root ::= "{\"name\": \"" [a-z]+ "\", \"kind\": \"" ("dog" | "duck") "\"}"`), worldVocabulary())
	assert.Equal(t, `{"name": "`, string(s.Forced()))
	tokens, err := s.ForcedTokens()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(`{"name": "`, string(world.Decode(tokens))))
	assert.NotEmpty(t, tokens)
	s, err = s.PushBytes([]byte(`{"name": "rex"`))
	require.NoError(t, err)
	assert.Equal(t, `, "kind": "d`, string(s.Forced()))
	s, err = s.PushBytes([]byte(`, "kind": "du`))
	require.NoError(t, err)
	tokens, err = s.ForcedTokens()
	require.NoError(t, err)
	whole, err := world.Encode([]byte(`ck"}`))
	require.NoError(t, err)
	assert.Equal(t, whole, tokens, "nothing follows, so nothing is left out")
	s, err = s.PushBytes([]byte(`ck"}`))
	require.NoError(t, err)
	assert.Empty(t, s.Forced())
}

func TestForcedIsWholeCharacters(t *testing.T) {
	s := start(t, parse(t, `root ::= "é" [中丮]`), byteVocabulary) // they share two bytes
	assert.Equal(t, "é", string(s.Forced()))
	s, err := s.PushBytes([]byte("é\xe4"))
	require.NoError(t, err)
	assert.Equal(t, "\xb8", string(s.Forced()))
}

func TestAmbiguityIsLimited(t *testing.T) {
	var alternatives []string
	for range 1100 {
		alternatives = append(alternatives, `"a" [b]`)
	}
	_, err := parse(t, "root ::= "+strings.Join(alternatives, "|")).Over(byteVocabulary).Start()
	require.ErrorContains(t, err, "more than 1024 ways")

	s := start(t, parse(t, "root ::= (("+strings.Repeat(`"a"{1,60000} |`, 8)+` "b"){1,60000}){1,60000}`), worldVocabulary())
	for range 100 {
		next, err := s.PushBytes([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
		if err != nil {
			require.ErrorContains(t, err, "too ")
			_, err = s.Push('b' + 1)
			require.NoError(t, err, "a failed step harms nothing")
			return
		}
		s = next
	}
	t.Fatal("no limit was reached")
}

// TestStatesOutliveTheCaches empties the caches at every step. The masks stay the same, and so do those of a snapshot.
func TestStatesOutliveTheCaches(t *testing.T) {
	g := parse(t, jsonGBNF)
	kept, emptied := g.Over(worldVocabulary()), g.Over(worldVocabulary())
	a, err := kept.Start()
	require.NoError(t, err)
	b, err := emptied.Start()
	require.NoError(t, err)
	for _, piece := range []string{`{"a`, `": [[`, `{"b": `, `1`, `.5}`, `, [tr`, `ue, {"c": "`, `\u0`} {
		before, err := a.Mask()
		require.NoError(t, err)
		snapshot := b
		_, err = b.Mask()
		require.NoError(t, err)
		b, err = b.PushBytes([]byte(piece))
		require.NoError(t, err)
		emptied.Empty()
		again, err := snapshot.Mask()
		require.NoError(t, err)
		require.Equal(t, before, again)
		a, err = a.PushBytes([]byte(piece))
		require.NoError(t, err)
		require.Equal(t, a.Forced(), b.Forced())
		require.Equal(t, a.MayEnd(), b.MayEnd())
	}
}

func TestGoroutinesShareAnAutomaton(t *testing.T) {
	a := parse(t, jsonGBNF).Over(worldVocabulary())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			s, err := a.Start()
			assert.NoError(t, err)
			generate(t, s, tokenizer.World(), rand.New(rand.NewPCG(uint64(i), 0)), 30, 0.1)
		})
	}
	group.Wait()
}

// BenchmarkMask measures the first mask of a fresh automaton, and masks along texts.
func BenchmarkMask(b *testing.B) {
	v := worldVocabulary()
	g := parse(b, jsonGBNF)
	schema, err := grammar.FromSchema([]byte(personSchema))
	require.NoError(b, err)
	for _, bench := range []struct {
		name, prefix string
		g            *grammar.Grammar
	}{{"first/GBNF", `{"a": "`, g}, {"first/schema", `{"name": "`, schema}, {"first/schema/start", ``, schema}, {"first/counted", `{"name": "Ada", "age": 36, "address": {"street": "`, schema}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				s, err := start(b, bench.g, v).PushBytes([]byte(bench.prefix))
				require.NoError(b, err)
				_, err = s.Mask()
				require.NoError(b, err)
			}
		})
	}
	short, err := grammar.FromSchema([]byte(`{"type": "string", "maxLength": 100}`))
	require.NoError(b, err)
	b.Run("median/person", func(b *testing.B) { benchmarkMedian(b, schema, personText) })
	b.Run("median/maxLength", func(b *testing.B) { benchmarkMedian(b, short, personText[len(personText)-90:len(personText)-1]) })
}

// benchmarkMedian measures the masks of one document, cut as the tokenizer cuts it, with a fresh automaton each time.
func benchmarkMedian(b *testing.B, g *grammar.Grammar, text string) {
	if text[0] != '{' {
		text = `"` + text
	}
	tokens, err := tokenizer.World().Encode([]byte(text))
	require.NoError(b, err)
	var times []time.Duration
	for b.Loop() {
		s := start(b, g, worldVocabulary())
		for _, token := range tokens {
			began := time.Now()
			m, err := s.Mask()
			times = append(times, time.Since(began))
			require.NoError(b, err)
			require.True(b, m.Has(token))
			s, err = s.Push(token)
			require.NoError(b, err)
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1000, "median-µs/mask")
	b.ReportMetric(float64(times[len(times)-1].Nanoseconds())/1000, "most-µs/mask")
}

const (
	personSchema = `{"type": "object", "properties": {
		"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}, "email": {"type": "string", "format": "email"},
		"address": {"type": "object", "properties": {"street": {"type": "string", "maxLength": 200}, "city": {"type": "string"}}, "required": ["street", "city"]},
		"tags": {"type": "array", "items": {"enum": ["friend", "family", "work"]}}, "about": {"type": "string"}},
		"required": ["name", "age", "address", "tags", "about"]}`
	personText = `{"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "address": {"street": "12 St James's Square", "city": "London"}, ` +
		`"tags": ["friend", "work"], "about": "She wrote the first program for a machine that was never built, and saw that it could do more than count. ` +
		`Her notes on the Analytical Engine are longer than the paper that she translated."}`
)

func BenchmarkNewVocabulary(b *testing.B) {
	for b.Loop() {
		grammar.NewVocabulary(tokenizer.World())
	}
}
