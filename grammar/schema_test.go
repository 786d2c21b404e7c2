package grammar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// judge compiles a schema with another implementation.
func judge(t testing.TB, schema string) *jsonschema.Schema {
	t.Helper()
	compiled := tryJudge([]byte(schema))
	require.NotNil(t, compiled, schema)
	return compiled
}

// tryJudge is judge, but returns nil for what the other implementation refuses.
func tryJudge(schema []byte) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///schema.json", doc); err != nil {
		return nil
	}
	compiled, err := c.Compile("mem:///schema.json")
	if err != nil {
		return nil
	}
	return compiled
}

func valid(s *jsonschema.Schema, text string) error {
	v, err := jsonschemaValue(text)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// closers are the texts that bring a document to its end.
var closers = []string{"}", "]", `"`, "n", "l", "t", "e", "0", "[", ","}

// sampleJSON samples a document with a model that knows nothing, but likes short tokens of JSON. It returns "" if there is no end in
// sight.
func sampleJSON(t testing.TB, g *grammar.Grammar, v *grammar.Vocabulary, tok tokenizer.Tokenizer, rnd *rand.Rand) string {
	t.Helper()
	s, err := g.Over(v).Start()
	require.NoError(t, err)
	tilde, err := tok.Encode([]byte("~"))
	require.NoError(t, err)
	var liked []tokenizer.Token
	for _, c := range closers {
		ids, err := tok.Encode([]byte(c))
		require.NoError(t, err)
		liked = append(liked, ids[0])
	}
	var text []byte
	for step := range 3000 {
		m, err := s.Mask()
		require.NoError(t, err, "after %q", text)
		if m.Has(tokenizer.EndOfText) && (step > 100 || rnd.IntN(2) == 0) {
			return string(text)
		}
		next := tokenizer.Token(rnd.IntN(tok.Len()))
		for !m.Has(next) || next == tokenizer.EndOfText {
			if next++; int(next) >= tok.Len() {
				next = 0
				if only := tokensOf(m); len(only) == 1 && only[0] == tokenizer.EndOfText {
					return string(text)
				}
			}
		}
		if rnd.IntN(8) > 0 && step > 100 || rnd.IntN(3) == 0 {
			for _, i := range rnd.Perm(len(liked))[:3] {
				if m.Has(liked[i]) {
					next = liked[i]
				}
			}
			for _, c := range liked {
				if step > 100 && m.Has(c) {
					if next = c; m.Has(tilde[0]) && m.Has(liked[2]) { // within a string
						next = liked[2]
					}
					break
				}
			}
		}
		s, err = s.Push(next)
		require.NoError(t, err)
		b, _ := tok.Bytes(next)
		text = append(text, b...)
	}
	return "" // recursion with many branches: this model does not find the end
}

// schemas generates random schemas.
type schemas struct {
	*rand.Rand
	defs int
}

type dict = map[string]any

func (g schemas) of(kinds ...func() any) any { return kinds[g.IntN(len(kinds))]() }

func (g schemas) schema(depth int) any {
	leaves := []func() any{g.number, g.text, g.text, g.enum, func() any { return dict{"type": "boolean"} },
		func() any { return dict{"type": []any{"null", "integer", "string"}} }, func() any { return true }, func() any { return dict{} }}
	if depth == 0 {
		return g.of(leaves...)
	}
	deep := []func() any{
		func() any { return g.object(depth) }, func() any { return g.object(depth) }, func() any { return g.array(depth) },
		func() any { return dict{"anyOf": []any{g.schema(depth - 1), g.schema(depth - 1)}} },
		func() any { return g.oneOf(depth) },
		func() any { return g.allOf(depth) },
		func() any {
			return dict{"$ref": fmt.Sprintf("#/$defs/d%d", g.IntN(g.defs)), "description": "a reference"}
		},
	}
	return g.of(append(deep, leaves[:4]...)...)
}

func (g schemas) number() any {
	o := dict{"type": []string{"number", "integer"}[g.IntN(2)]}
	lo := (g.IntN(4000) - 2000) / (1 << g.IntN(12))
	if g.IntN(2) == 0 {
		o[[]string{"minimum", "exclusiveMinimum"}[g.IntN(2)]] = lo
	}
	if g.IntN(2) == 0 {
		o[[]string{"maximum", "exclusiveMaximum"}[g.IntN(2)]] = lo + 2 + g.IntN(1<<g.IntN(20))
	}
	return o
}

var patterns = []string{"^[a-z]+$", "[a-z]", "^x", "[a-y]$", `^(\d{3}-)?\d{4}$`, "^a|[b-q]$", `^[^"]{2,5}$`, `^"\\`, `^\w+ \S+$`, `^(?i:yes|no)$`, `^.{3,40}$`, `^[\p{L}]{2}`, `^[\x00-\x20]+$`}

func (g schemas) text() any {
	o := dict{"type": "string"}
	switch g.IntN(5) {
	case 0:
		o["minLength"] = g.IntN(4)
		o["maxLength"] = 4 + g.IntN(200)
	case 1:
		o["pattern"] = patterns[g.IntN(len(patterns))]
	case 2:
		o["format"] = []string{"date", "time", "date-time", "uuid", "duration", "ipv4", "ipv6", "email", "hostname", "uri"}[g.IntN(10)]
	case 3:
		o["maxLength"] = g.IntN(6)
	}
	return o
}

func (g schemas) enum() any {
	values := []any{"red", "green \"blue\"\n", "é😀</b>", 1, -2.5, nil, true, []any{1, "a"}, dict{"k": []any{}, "l": "m"}, "re", ""}
	if g.IntN(4) == 0 {
		return dict{"const": values[g.IntN(len(values))]}
	}
	g.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	return dict{"enum": values[:1+g.IntN(len(values))]}
}

var keys = []string{"a", "ab", "abc", "name", "é", "with \"quotes\"", "x/y~z", "", "b"}

func (g schemas) object(depth int) dict {
	o := dict{"type": "object"}
	props := dict{}
	var required []any
	for _, i := range g.Perm(len(keys))[:g.IntN(6)] {
		props[keys[i]] = g.schema(depth - 1)
		if g.IntN(2) == 0 {
			required = append(required, keys[i])
		}
	}
	if len(props) > 0 || g.IntN(3) == 0 {
		o["properties"] = props
	}
	if g.IntN(8) == 0 {
		required = append(required, "other")
	}
	if required != nil {
		o["required"] = required
	}
	switch g.IntN(4) {
	case 0:
		o["additionalProperties"] = g.schema(depth - 1)
	case 1:
		if len(required) == 0 || required[len(required)-1] != "other" {
			o["additionalProperties"] = false
		}
	}
	return o
}

func (g schemas) array(depth int) any {
	o := dict{"type": "array"}
	if g.IntN(3) > 0 {
		o["items"] = g.schema(depth - 1)
	}
	least := 0
	if g.IntN(2) == 0 {
		least = g.IntN(4)
		o["minItems"] = least
	}
	if g.IntN(2) == 0 {
		o["maxItems"] = least + g.IntN(3)
	}
	if g.IntN(3) == 0 {
		var prefix []any
		for range 1 + g.IntN(3) {
			prefix = append(prefix, g.schema(depth-1))
		}
		o["prefixItems"] = prefix
	}
	return o
}

func (g schemas) oneOf(depth int) any {
	if g.IntN(2) == 0 {
		return dict{"oneOf": []any{g.number(), g.text(), dict{"type": "null"}}}
	}
	var branches []any
	for _, kind := range []string{"cat", "dog", "do"} {
		o := g.object(depth)
		if o["properties"] == nil {
			o["properties"] = dict{}
		}
		o["properties"].(dict)["kind"] = dict{"const": kind}
		required, _ := o["required"].([]any)
		o["required"] = append(required, "kind")
		branches = append(branches, o)
	}
	return dict{"oneOf": branches}
}

func (g schemas) allOf(depth int) any {
	a, b := g.object(depth), g.object(depth)
	o := dict{"allOf": []any{a, b}, "title": "both"}
	if g.IntN(3) == 0 {
		o["properties"] = dict{"extra": dict{"type": "integer", "minimum": 3}}
	}
	return o
}

func (g schemas) document() string {
	root, _ := g.schema(3).(dict)
	if root == nil {
		root = dict{}
	}
	defs := dict{}
	for i := range g.defs {
		defs[fmt.Sprintf("d%d", i)] = g.object(2)
	}
	root["$defs"] = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(root); err != nil {
		panic(err)
	}
	return b.String()
}

// TestGeneratedSchemas samples documents of random schemas. Each must be valid in the eyes of another implementation.
func TestGeneratedSchemas(t *testing.T) {
	count := 1000
	if testing.Short() {
		count = 150
	}
	refused := map[string]int{}
	accepted, endless := 0, 0
	for seed := range uint64(count * 2) {
		if accepted == count {
			break
		}
		g := schemas{rand.New(rand.NewPCG(seed, 7)), 3}
		source := g.document()
		compiled := judge(t, source)
		gr, err := grammar.FromSchema([]byte(source))
		if err != nil {
			refused[reasonOf(err)]++
			continue
		}
		text := ""
		if seed%4 == 0 {
			text = sampleJSON(t, gr, worldVocabulary(), tokenizer.World(), g.Rand)
		} else {
			text = sampleJSON(t, gr, byteVocabulary, tokenizer.Bytes(), g.Rand)
		}
		if text == "" {
			endless++
			continue
		}
		accepted++
		require.NoError(t, valid(compiled, text), "seed %d\nschema %s\ntext %s", seed, source, text)
	}
	t.Logf("%d schemas, %d without end, refused: %v", accepted, endless, refused)
	assert.Equal(t, count, accepted)
	assert.Less(t, endless, count/20)
	for reason := range refused {
		assert.Regexp(t, "^(no text fits|only one of pattern|two different values|.* beside enum|allOf, or what)", reason)
	}
}

func reasonOf(err error) string {
	bad, ok := err.(*grammar.Error)
	if !ok {
		return "untyped: " + err.Error()
	}
	return bad.Reason
}

func TestFromSchema(t *testing.T) {
	for name, tc := range map[string]struct {
		schema   string
		fits     []string
		fitsNone []string
	}{
		"anything": {`{}`, []string{`null`, `-1.5e3`, `"\ud83d\ude00"`, `[1, {"a":{}}]`, "{\n  \"a\": 1,\n  \"b\": 2\n}"}, []string{``, `01`, `"\ud83d"`, `[1,]`, `{"a":1} x`}},
		"properties in order, optional ones left out": {`{"type":"object","properties":{"a":{"type":"integer"},"b":{},"c":{"type":"null"}},"required":["b"]}`,
			[]string{`{"b":1}`, `{"a":1,"b":"x"}`, `{ "a": 1, "b": [], "c": null }`}, []string{`{}`, `{"a":1}`, `{"b":1,"a":1}`, `{"b":1,"d":1}`, `{"a":"1","b":1}`}},
		"other properties": {`{"properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"integer"}}`,
			[]string{`{}`, `{"ab":null}`, `{"a":1}`, `{"abc":1,"":2}`, `{"ab":null, "b":1}`}, []string{`{"ab":1}`, `{"\u0061b":1}`, `{"a":null}`}},
		"required but not declared": {`{"properties":{"a":{}},"required":["z"]}`, []string{`{"z":1}`, `{"a":1,"z":2}`}, []string{`{"a":1}`}},
		"recursion": {`{"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}},"$ref":"#/$defs/node"}`,
			[]string{`{"v":1,"next":{"v":2,"next":null}}`}, []string{`{"v":1,"next":{"v":2}}`}},
		"allOf of objects": {`{"allOf":[{"properties":{"a":{"type":"integer","minimum":3}},"required":["a"]},{"properties":{"a":{"maximum":5},"b":{"type":"null"}}}]}`,
			[]string{`{"a":4}`, `{"a":5,"b":null}`}, []string{`{"a":2}`, `{"a":6}`, `{"b":null}`}},
		"recursion through allOf": {`{"$defs":{"a":{"properties":{"x":{"$ref":"#/$defs/a"}}},"b":{"properties":{"x":{"$ref":"#/$defs/b"},"y":{"type":"null"}}}},"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]}`,
			[]string{`{}`, `{"x":{"x":{"y":null}},"y":null}`}, []string{`{"x":1}`, `{"x":{"x":{"y":1}}}`}},
		"tuples of allOf": {`{"type":"array","allOf":[{"prefixItems":[{"minimum":3}]},{"prefixItems":[{"type":"integer"},{"type":"null"}]}],"items":{"maximum":5}}`,
			[]string{`[]`, `[3]`, `[5, null, 4]`}, []string{`[2]`, `[6]`, `[3, 4]`, `[3, null, 6]`}},
		"lengths":            {`{"type":"string","minLength":1,"maxLength":2}`, []string{`"a"`, `"é😀"`, `"\n\u00e9"`, `"\ud83d\ude00a"`}, []string{`""`, `"abc"`}},
		"a pattern anywhere": {`{"pattern":"b\"c"}`, []string{`"ab\"c"`, `"b\"cd"`}, []string{`"bc"`, `"ab"`}},
		"a tuple":            {`{"prefixItems":[{"type":"null"},{"type":"integer"}],"items":false,"minItems":1}`, []string{`[null]`, `[null, 1]`}, []string{`[]`, `[1]`, `[null,1,2]`}},
		"array bounds":       {`{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":3}`, []string{`[true,false]`, `[true, true, true]`}, []string{`[]`, `[true]`, `[true,true,true,true]`}},
		"integers":           {`{"type":"integer","minimum":-12,"exclusiveMaximum":345}`, []string{`-12`, `-1`, `0`, `9`, `99`, `344`, `100`}, []string{`-13`, `345`, `1.0`, `-0.5`, `1000`, `01`}},
		"numbers":            {`{"type":"number","minimum":0,"maximum":1}`, []string{`0`, `1`, `0.25`, `1.0`, `0.0`}, []string{`-0.5`, `1.5`, `2`, `1.01`}},
		"numbers between":    {`{"type":"number","exclusiveMinimum":-2,"exclusiveMaximum":0}`, []string{`-1`, `-1.99`, `-0.5`}, []string{`-2`, `-2.0`, `0`, `-0`, `-0.0`, `1`}},
		"constants":          {`{"enum":["a","ab",3,{"x":[1]}],"type":["string","object"]}`, []string{`"a"`, `"ab"`, `{"x": [1]}`}, []string{`3`, `"b"`}},
		"types of a list":    {`{"type":["string","null"]}`, []string{`"a"`, `null`}, []string{`1`, `true`}},
		"durations":          {`{"format":"duration"}`, []string{`"P1DT12H"`, `"PT5M"`, `"P3W"`}, []string{`"P"`, `"PT"`, `"P1H"`}},
		"a leap day":         {`{"type":"string","format":"date"}`, []string{`"2024-02-29"`, `"2000-02-29"`, `"2023-12-31"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`}},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := grammar.FromSchema([]byte(tc.schema))
			require.NoError(t, err)
			compiled := judge(t, tc.schema)
			for _, text := range tc.fits {
				assert.True(t, accepts(t, g, text), "%s fits", text)
				assert.NoError(t, valid(compiled, text), "this test is wrong")
			}
			for _, text := range tc.fitsNone {
				assert.False(t, accepts(t, g, text), "%s does not fit", text)
			}
		})
	}
}

func TestFromSchemaRefuses(t *testing.T) {
	for schema, reason := range map[string]string{
		`{`:                                     "not a JSON Schema",
		`{} {}`:                                 "something follows the value",
		`{"a":1,"a":2}`:                         `the key "a" is there twice`,
		`3`:                                     "#: want a schema",
		`{"typo":1}`:                            `#: the keyword "typo" is not supported`,
		`{"not":{}}`:                            `the keyword "not" is not supported`,
		`{"multipleOf":2}`:                      `"multipleOf"`,
		`{"$schema":"http://example.org/mine"}`: "names a dialect",
		`{"uniqueItems":true}`:                  `"uniqueItems"`,
		`{"properties":{"a/b":{"items":{"patternProperties":{}}}}}`: `#/properties/a~1b/items: the keyword "patternProperties"`,
		`{"type":"strin"}`:                                           `unknown type "strin"`,
		`{"type":7}`:                                                 "type is not a text",
		`{"$ref":"http://x/y"}`:                                      `$ref to "http://x/y": only places in the same schema`,
		`{"$ref":"#/$defs/a"}`:                                       "which is not there",
		`{"$ref":"#"}`:                                               "begins with itself",
		`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`:                   "begins with itself",
		`{"allOf":[{"$ref":"#"},{"type":"object"}]}`:                 "leads back to itself",
		`{"type":"number","minimum":0.5}`:                            "only whole numbers are supported",
		`{"format":"iri"}`:                                           `the format "iri" is not supported`,
		`{"pattern":"(?=a)"}`:                                        "pattern: ",
		`{"pattern":"a\\bc"}`:                                        "only supported at the ends",
		`{"pattern":"a","minLength":2}`:                              "only one of pattern, format",
		`{"oneOf":[{"type":"integer"},{"type":"number"}]}`:           "0 and 1 may overlap",
		`{"oneOf":[{"properties":{"a":{}}},{"type":"object"}]}`:      "may overlap",
		`{"oneOf":[{"minLength":1},{"minimum":1,"type":"integer"}]}`: "may overlap", // the first fits every number
		`{"enum":["a"],"minLength":3}`:                               `"minLength" beside enum`,
		`{"enum":[]}`:                                                "enum is not a list",
		`false`:                                                      "no text fits",
		`{"minItems":3,"maxItems":2}`:                                "no text fits",
		`{"minLength":1e9}`:                                          "at most 65536",
		`{"minLength":-1}`:                                           "minLength is not a whole number",
		`{"items":[{}]}`:                                             "use prefixItems",
		`{"required":["a"],"additionalProperties":false}`:            "no text fits",
		`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`: "no text fits",
		strings.Repeat(`{"items":`, 300) + "{}" + strings.Repeat("}", 300):   "nested more than",
		strings.Repeat(" ", 70000): "at most 65536",
	} {
		_, err := grammar.FromSchema([]byte(schema))
		var bad *grammar.Error
		if assert.ErrorAs(t, err, &bad, "%.80s", schema) {
			assert.Contains(t, err.Error(), reason, "%.80s", schema)
		}
	}
}

// TestSchemasDoNotExplode builds schemas whose parts repeat each other many times.
func TestSchemasDoNotExplode(t *testing.T) {
	for name, format := range map[string]string{
		"alternatives with siblings": `"d%d":{"type":"object","anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`,
		"allOf twice":                `"d%d":{"title":"t","allOf":[{"$ref":"#/$defs/d%d"},{"type":"object"},{"$ref":"#/$defs/d%d"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var defs []string
			for i := range 30 {
				defs = append(defs, fmt.Sprintf(format, i, i+1, i+1))
			}
			defs = append(defs, `"d30":{}`)
			_, err := grammar.FromSchema([]byte(`{"$ref":"#/$defs/d0","$defs":{` + strings.Join(defs, ",") + `}}`))
			require.ErrorContains(t, err, "too ")
		})
	}
	// Different schemas that merge with each other without end.
	_, err := grammar.FromSchema([]byte(`{"$defs":{
		"a":{"properties":{"p":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]}}},
		"b":{"properties":{"p":{"allOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/a"},{"properties":{"q":{}}}]}}}},
		"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]}`))
	require.ErrorContains(t, err, "too ")
}

func TestRegexp(t *testing.T) {
	for pattern, tc := range map[string]struct{ fits, fitsNone []string }{
		`a(b|c)*d?`:        {[]string{"a", "abcd"}, []string{"", "ad d"}},
		`^(?:yes|no)$`:     {[]string{"yes", "no"}, []string{"yesno", " no"}},
		`(?i)straße`:       {[]string{"STRAßE", "straẞe"}, []string{"strasse"}},
		`[^\d\s]{2,3}`:     {[]string{"ab", "é😀x"}, []string{"a1", "abcd"}},
		`(\d+\.){3}x{2,}.`: {[]string{"1.22.3.xxy"}, []string{"1.2.xxy", "1.2.3.xx\n"}},
		`\p{Greek}+`:       {[]string{"αβγ"}, []string{"abc"}},
	} {
		g, err := grammar.Regexp(pattern)
		require.NoError(t, err, pattern)
		for _, text := range tc.fits {
			assert.True(t, accepts(t, g, text), "%s fits %q", text, pattern)
		}
		for _, text := range tc.fitsNone {
			assert.False(t, accepts(t, g, text), "%s does not fit %q", text, pattern)
		}
	}
	for pattern, reason := range map[string]string{"(": "missing closing", `a\bc`: "only supported at the ends", "a^b": "only supported", "(?=x)": "invalid", strings.Repeat("a", 70000): "at most"} {
		_, err := grammar.Regexp(pattern)
		require.ErrorContains(t, err, reason)
	}
}

func TestChoices(t *testing.T) {
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprint("choice ", i))
	}
	g, err := grammar.Choices(append(many, "", "é", "choice 7"))
	require.NoError(t, err)
	for _, text := range []string{"", "é", "choice 0", "choice 4999", "choice 49"} {
		assert.True(t, accepts(t, g, text), text)
	}
	for _, text := range []string{"choice", "choice 5000", "choice 07"} {
		assert.False(t, accepts(t, g, text), text)
	}
	_, err = grammar.Choices(nil)
	require.ErrorContains(t, err, "empty")
	_, err = grammar.Choices([]string{"\xff"})
	require.ErrorContains(t, err, "not UTF-8")
}

func TestJSON(t *testing.T) {
	g, err := grammar.New(grammar.Object())
	require.NoError(t, err)
	assert.True(t, accepts(t, g, `{"a": [1, 2, {"b": null}]}`))
	assert.False(t, accepts(t, g, `[1]`))
}

func jsonschemaValue(text string) (any, error) {
	return jsonschema.UnmarshalJSON(strings.NewReader(text))
}
