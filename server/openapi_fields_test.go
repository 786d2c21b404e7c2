package server

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/anthropic"
	"github.com/gosling-rwkv/gosling/api/apitest"
	"github.com/gosling-rwkv/gosling/api/llamacpp"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/api/responses"
	"github.com/gosling-rwkv/gosling/api/rwkv"
)

// decoders read the requests with a schema.
var decoders = apitest.Endpoints{
	"ChatRequest": apitest.Decoder(openai.DecodeChat), "CompletionRequest": apitest.Decoder(openai.DecodeCompletion),
	"EmbeddingRequest":       apitest.Decoder(openai.DecodeEmbeddings),
	"LlamaCompletionRequest": apitest.Decoder(llamacpp.DecodeCompletion), "LlamaEmbeddingRequest": apitest.Decoder(llamacpp.DecodeEmbeddings),
	"TokenizeRequest": apitest.Decoder(llamacpp.DecodeTokenize), "DetokenizeRequest": apitest.Decoder(llamacpp.DecodeDetokenize),
	"ResponseRequest": apitest.Decoder(responses.DecodeCreate),
	"MessageRequest":  apitest.Decoder(anthropic.DecodeMessage),
	"TemplateRequest": apitest.Decoder(llamacpp.DecodeTemplate),
	"StateRequest":    apitest.Decoder(rwkv.DecodeCreate), "ForkRequest": apitest.Decoder(rwkv.DecodeFork),
}

// request is a kind of requests with JSON.
type request struct {
	d          *document
	schema     string
	properties fields
	examples   []fields
	decode     func([]byte) (any, error)
}

// requests returns the kind of each operation that has one.
func (d *document) requests(t *testing.T) map[string]request {
	all := map[string]request{}
	for _, o := range d.operations() {
		body, _ := d.resolve(o.fields["requestBody"], "")
		content, ok := at(body, "content", "application/json").(fields)
		if !ok {
			continue
		}
		schema, pointer := d.resolve(content["schema"], "")
		r := request{d: d, schema: pointer[strings.LastIndex(pointer, "/")+1:], properties: fields{}}
		r.add(schema)
		require.Contains(t, decoders, r.schema)
		r.decode = decoders[r.schema]
		examples := content["examples"].(fields)
		for _, name := range slices.Sorted(maps.Keys(examples)) {
			r.examples = append(r.examples, at(examples, name, "value").(fields))
		}
		all[o.String()] = r
	}
	return all
}

// add adds the properties of a schema and of those that it consists of.
func (r *request) add(schema fields) {
	for _, part := range array(schema["allOf"]) {
		inner, _ := r.d.resolve(part, "")
		r.add(inner)
	}
	properties, _ := schema["properties"].(fields)
	maps.Copy(r.properties, properties)
}

// fate is what a decoder does with a value.
type fate int

const (
	taken fate = iota
	ignored
	wrong       // an error that names the field
	unsupported // the same, because the value asks for what cannot be done
	otherwise   // an error that names another field
)

// with decodes an example with a value in a field, or without a field if that is empty.
func (r *request) with(t *testing.T, example fields, field string, value any) (any, fate) {
	body := maps.Clone(example)
	if field != "" {
		body[field] = value
	}
	data, err := stdjson.Marshal(body)
	require.NoError(t, err)
	decoded, err := r.decode(data)
	var bad *api.Error
	switch {
	case err == nil:
		list := reflect.ValueOf(decoded).Elem().FieldByName("Ignored").Interface().([]string)
		if slices.Contains(list, field) {
			return decoded, ignored
		}
		return decoded, taken
	case !errors.As(err, &bad):
		require.NoError(t, err)
	case !strings.HasPrefix(bad.Param, field):
		return nil, otherwise
	case bad.Kind == api.Unsupported:
		return nil, unsupported
	}
	return nil, wrong
}

// probes are values of all types that ask for something. None is right for any field, but for texts and flags.
var probes = []any{1.5, "?", true, fields{"?": 1}, fields{"type": "json_object"}, []any{[]any{1.5}}}

// names returns the texts in the decoders' code that may be names of fields.
func names(t *testing.T) []string {
	found := map[string]bool{}
	name := regexp.MustCompile(`^[a-z][a-z0-9_]+$`)
	for _, folder := range []string{"api", "api/anthropic", "api/openai", "api/llamacpp", "api/responses", "api/rwkv"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if text, err := strconv.Unquote(literal.Value); err == nil && name.MatchString(text) {
						found[text] = true
					}
				}
				return true
			})
		}
	}
	assert.Greater(t, len(found), 150, "the code was found")
	return slices.Sorted(maps.Keys(found))
}

func TestTheDocumentHasTheFieldsOfTheDecoders(t *testing.T) {
	d := theDocument(t)
	noEffect, refused := d.fields["x-no-effect"].([]any), d.fields["x-unsupported"].(fields)
	used := map[string]bool{} // names in those lists
	seen := map[string]bool{}
	all := names(t)
	for _, r := range d.requests(t) {
		if seen[r.schema] {
			continue
		}
		seen[r.schema] = true
		t.Run(r.schema, func(t *testing.T) {
			for name := range r.properties {
				known := false
				for _, example := range r.examples {
					for _, probe := range probes {
						_, f := r.with(t, example, name, probe)
						known = known || f == wrong || f == unsupported
					}
				}
				assert.True(t, known, "%s is documented, but takes any value", name)
			}
			for _, name := range all {
				if r.properties[name] != nil {
					continue
				}
				for _, example := range r.examples {
					fates := map[fate]bool{}
					for _, probe := range probes {
						_, f := r.with(t, example, name, probe)
						if fates[f] = true; f == ignored { // as with any value
							break
						}
					}
					switch {
					case maps.Equal(fates, map[fate]bool{ignored: true}):
						continue
					case maps.Equal(fates, map[fate]bool{taken: true}) && slices.Contains(noEffect, any(name)):
						used[name] = true
						continue
					case fates[unsupported] && !fates[ignored] && !fates[taken] && refused[name] != nil:
						for _, value := range append([]any{nil, false, "", []any{}, fields{}}, array(refused[name])...) {
							_, f := r.with(t, example, name, value)
							assert.Contains(t, []fate{taken, wrong}, f, "%s: %v asks for nothing", name, value)
						}
						used[name] = true
						continue
					}
					assert.Fail(t, "a field is read and not documented", "%s: %v", name, fates)
					break
				}
			}
		})
	}
	assert.Len(t, seen, len(decoders), "all decoders are used")
	for _, name := range noEffect {
		assert.True(t, used[name.(string)], "%v is in x-no-effect", name)
	}
	for name := range refused {
		assert.True(t, used[name], "%s is in x-unsupported", name)
	}
}

// needs has what fields need of other ones.
var needs = map[string]fields{
	"top_logprobs": {"logprobs": true}, "tools": {"tool_choice": "none"}, "functions": {"function_call": "none"},
	"tool_choice":                 {"tools": []any{fields{"function": fields{"name": "honk"}}}},
	"StateRequest tool_choice":    {"messages": []any{fields{"role": "user", "content": "Hi"}}},
	"ResponseRequest tool_choice": {"tools": []any{fields{"type": "function", "name": "honk"}}},
	"MessageRequest tools":        {"tool_choice": fields{"type": "none"}},
	"n_predict":                   {"max_tokens": nil}, "max_tokens": {"n_predict": nil}, "max_completion_tokens": {"n_predict": nil, "max_tokens": nil},
}

func TestTheDocumentHasTheLimitsOfTheDecoders(t *testing.T) {
	d := theDocument(t)
	seen := map[string]bool{}
	for _, r := range d.requests(t) {
		if seen[r.schema] {
			continue
		}
		seen[r.schema] = true
		t.Run(r.schema, func(t *testing.T) {
			for name, property := range r.properties {
				good, bad := d.instances(property)
				meets := func(value any, fates ...fate) bool {
					return slices.ContainsFunc(r.examples, func(example fields) bool {
						base := maps.Clone(example)
						maps.Copy(base, needs[name])
						maps.Copy(base, needs[r.schema+" "+name])
						_, f := r.with(t, base, name, value)
						return slices.Contains(fates, f)
					})
				}
				for _, value := range good {
					assert.True(t, meets(value, taken), "%s: %.100s is within the limits", name, fmt.Sprint(value))
				}
				for _, value := range bad {
					assert.True(t, meets(value, wrong, unsupported), "%s: %.100s is beyond the limits", name, fmt.Sprint(value))
				}
				resolved, _ := d.resolve(property, "")
				if value, ok := resolved["default"]; ok {
					example := maps.Clone(r.examples[0])
					delete(example, name)
					without, _ := r.with(t, example, "", nil)
					with, _ := r.with(t, example, name, value)
					assert.Equal(t, without, with, "%s: %v is the default", name, value)
				}
			}
		})
	}
}

// instances returns values at the limits of a schema, and values just beyond them.
func (d *document) instances(schema any) (good, bad []any) {
	s, _ := d.resolve(schema, "")
	number := func(name string) (float64, bool) { n, ok := s[name].(float64); return n, ok }
	for _, inner := range array(s["anyOf"]) {
		g, b := d.instances(inner)
		good, bad = append(good, g...), append(bad, b...)
	}
	good = append(good, array(s["enum"])...)
	if s["enum"] != nil {
		bad = append(bad, "?")
	}
	if n, ok := number("minimum"); ok {
		good, bad = append(good, n), append(bad, n-1)
	}
	if n, ok := number("maximum"); ok {
		good, bad = append(good, n), append(bad, n+1)
	}
	if s["type"] == "integer" {
		bad = append(bad, 1.5)
	}
	if n, ok := number("maxLength"); ok {
		good, bad = append(good, strings.Repeat("a", int(n))), append(bad, strings.Repeat("a", int(n)+1))
	}
	if n, ok := number("maxItems"); ok {
		one := d.sample(s["items"])
		good, bad = append(good, slices.Repeat([]any{one}, int(n))), append(bad, slices.Repeat([]any{one}, int(n)+1))
	}
	if n, _ := number("minItems"); n > 0 {
		bad = append(bad, []any{})
	}
	if n, ok := number("maxProperties"); ok {
		many := fields{}
		for i := range int(n) {
			many[strconv.Itoa(i)] = 1
		}
		good = append(good, maps.Clone(many))
		many["1024"] = 1
		bad = append(bad, many)
	}
	return good, bad
}

func array(value any) []any {
	l, _ := value.([]any)
	return l
}

// sample returns a value of a schema.
func (d *document) sample(schema any) any {
	s, _ := d.resolve(schema, "")
	switch {
	case s["examples"] != nil:
		return array(s["examples"])[0]
	case s["const"] != nil:
		return s["const"]
	case s["anyOf"] != nil:
		return d.sample(array(s["anyOf"])[0])
	case s["type"] == "integer":
		return 1
	}
	return "top_k,top_p,min_p,temperature" // a text, and a list of samplers
}
