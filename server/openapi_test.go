package server

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/docs"
	"github.com/gosling-rwkv/gosling/service"
)

// document is docs/openapi.yaml.
type document struct {
	fields
	mu     sync.Mutex
	plain  *jsonschema.Compiler
	strict *jsonschema.Compiler // objects have no other fields than the listed ones
}

// described is the document, read once.
var described = sync.OnceValues(func() (*document, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(docs.OpenAPI))
	if err != nil {
		return nil, err
	}
	data, err := stdjson.Marshal(doc)
	if err != nil {
		return nil, err
	}
	d := &document{plain: jsonschema.NewCompiler(), strict: jsonschema.NewCompiler()}
	if err := stdjson.Unmarshal(data, &d.fields); err != nil {
		return nil, err
	}
	var closed fields
	if err := stdjson.Unmarshal(data, &closed); err != nil {
		return nil, err
	}
	closeObjects(closed)
	// It is for requests with response_fields only. Other responses must be whole.
	at(closed, "components", "schemas").(fields)["LlamaFields"] = false
	return d, errors.Join(d.plain.AddResource("openapi.json", d.fields), d.strict.AddResource("openapi.json", closed))
})

// closeObjects forbids other fields than the listed ones, wherever fields are listed.
func closeObjects(value any) {
	switch value := value.(type) {
	case fields:
		if listed, ok := value["properties"].(fields); ok && value["additionalProperties"] == nil && listed["type"] == nil {
			value["additionalProperties"] = false
		}
		for _, inner := range value {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range value {
			closeObjects(inner)
		}
	}
}

func theDocument(t *testing.T) *document {
	t.Helper()
	d, err := described()
	require.NoError(t, err)
	return d
}

// resolve follows references. It returns a value and the pointer to it.
func (d *document) resolve(value any, pointer string) (fields, string) {
	m, _ := value.(fields)
	for m["$ref"] != nil {
		pointer = strings.TrimPrefix(m["$ref"].(string), "#")
		var steps []any
		for _, step := range strings.Split(pointer, "/")[1:] {
			steps = append(steps, step)
		}
		m, _ = at(d.fields, steps...).(fields)
	}
	return m, pointer
}

// operation is a method of a path.
type operation struct {
	method, path string
	fields
}

func (o operation) String() string { return o.method + " " + o.path }

// operations returns all operations, those first that make what others need.
func (d *document) operations() (all []operation) {
	paths := d.fields["paths"].(fields)
	for _, method := range []string{"POST", "GET", "PUT", "DELETE"} {
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			if o, ok := at(paths, path, strings.ToLower(method)).(fields); ok {
				all = append(all, operation{method, path, o})
			}
		}
	}
	return all
}

// pathOf returns the path of a route as the document writes it.
func pathOf(r *route) string { return strings.NewReplacer("...}", "}", "{$}", "").Replace(r.path) }

// escape makes a step of a JSON pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// check holds an answer to the document. r may be nil.
func (d *document) check(t *testing.T, r *route, request string, answer *http.Response, body string) {
	t.Helper()
	method := answer.Request.Method
	responses := fields{}
	pointer := ""
	if r != nil {
		pointer = "/paths/" + escape.Replace(pathOf(r)) + "/" + strings.ToLower(r.method) + "/responses"
		responses, _ = at(d.fields, "paths", pathOf(r), strings.ToLower(r.method), "responses").(fields)
	}
	status := strconv.Itoa(answer.StatusCode)
	if responses[status] == nil {
		if answer.StatusCode < 400 {
			assert.Nil(t, responses["default"], "%s %v: the document has no answer %s", method, answer.Request.URL, status)
			return // a route of a test, or an answer to OPTIONS
		}
		status, responses = "default", fields{"default": fields{"$ref": "#/components/responses/Error"}}
	}
	response, pointer := d.resolve(responses[status], pointer+"/"+status)
	assert.NotEmpty(t, answer.Header.Get("X-Request-Id"))
	for _, name := range []string{"Gosling-Ignored", "Retry-After"} {
		if answer.Header.Get(name) != "" {
			assert.NotNil(t, at(response, "headers", name), "%s %v has the header %s", method, answer.Request.URL, name)
		}
	}
	if method == "HEAD" {
		return
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.NotNil(t, at(response, "content", kind), "%s %v answers %s with %s", method, answer.Request.URL, status, kind)
	schema := "openapi.json#" + pointer + "/content/" + escape.Replace(kind) + "/schema"
	strict := !strings.Contains(request, "response_fields")
	switch kind {
	case "application/json":
		d.validate(t, schema, body, strict)
	case "text/event-stream":
		for line := range strings.Lines(body) {
			data, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "data: ")
			if !ok {
				assert.True(t, line == "\n" || line == ": ping\n" || strings.HasPrefix(line, "event: "), line)
			} else if data != api.Done {
				d.validate(t, schema, data, strict)
			}
		}
	}
}

// validate holds JSON to a schema.
func (d *document) validate(t *testing.T, schema, text string, strict bool) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	compiler := d.plain
	if strict {
		compiler = d.strict
	}
	compiled, err := compiler.Compile(schema)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err, text)
	assert.NoError(t, compiled.Validate(value), "%.2000s", text)
}

func TestTheDocumentIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(docs.OpenAPI))
	require.NoError(t, err)
	require.NoError(t, doc.Validate(context.Background(), openapi3.EnableExamplesValidation()))
	d := theDocument(t)
	seen := map[any]bool{}
	for _, o := range d.operations() {
		assert.False(t, seen[o.fields["operationId"]], "%v", o.fields["operationId"])
		seen[o.fields["operationId"]] = true
		assert.NotNil(t, at(o.fields, "responses", "default"), "%s can fail", o)
	}
}

func TestTheDocumentHasTheRoutesOfTheServer(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	d := theDocument(t)
	notOffered := d.fields["x-not-offered"].([]any)
	want, got := map[string]string{}, map[string]string{}
	for _, r := range s.table() {
		path := strings.TrimSuffix(r.path, "{any...}")
		if slices.Contains(notOffered, any(path)) || slices.Contains(notOffered, any(r.method+" "+path)) {
			err := r.handler(nil)
			var e *api.Error
			require.ErrorAs(t, err, &e, path)
			assert.Equal(t, http.StatusNotImplemented, e.Code())
			want["not offered "+path] = ""
			continue
		}
		permission := r.permission.String()
		if r.permission == open {
			permission = "open"
		}
		want[r.method+" "+pathOf(&r)] = permission
	}
	for _, o := range d.operations() {
		permission, _ := o.fields["x-permission"].(string)
		got[o.String()] = permission
		assert.Equal(t, permission == "open", o.fields["security"] != nil, "%s: only open routes need no key", o)
	}
	for _, path := range notOffered {
		_, after, spaced := strings.Cut(path.(string), " ")
		if !spaced {
			after = path.(string)
		}
		got["not offered "+after] = ""
	}
	assert.Equal(t, want, got)
}

// TestTheRequestsOfTheDocumentAreAnswered asks for everything that the document has. trial.do holds the answers to the document.
func TestTheRequestsOfTheDocumentAreAnswered(t *testing.T) {
	d := theDocument(t)
	k := newClient(t, service.Options{Cache: 64 << 20})
	requests := d.requests(t)
	file, response := "", "" // a state's file, and the id of a response that is kept
	for _, o := range d.operations() {
		state := "romeo"
		if o.method == "PUT" || o.method == "DELETE" {
			state = "uploaded"
		}
		id := "a/model"
		if strings.HasPrefix(o.path, "/v1/responses") {
			id = response
		}
		path := strings.NewReplacer("{file}", "style.css", "{name}", state, "{id}", id).Replace(o.path)
		good := func(body string) string {
			r, answer := k.do(o.method, path, body)
			assert.Less(t, r.StatusCode, 300, "%s: %s: %s", o, body, answer)
			assert.Empty(t, r.Header.Get("Gosling-Ignored"), "%s: %s", o, body)
			return answer
		}
		if o.method == "PUT" {
			good(file)
			continue
		}
		r, hasBody := requests[o.String()]
		if !hasBody {
			if answer := good(""); strings.HasSuffix(path, "/content") {
				file = answer
			}
			continue
		}
		for _, example := range r.examples {
			answer := good(string(api.Encode(example)))
			if o.path == "/v1/responses" && example["background"] == true {
				var begun fields
				require.NoError(t, stdjson.Unmarshal([]byte(answer), &begun))
				response = begun["id"].(string)
			}
		}
		odd := maps.Clone(r.examples[0])
		odd["odd"] = 1
		got, _ := k.do(o.method, path, string(api.Encode(odd)))
		assert.Equal(t, "odd", got.Header.Get("Gosling-Ignored"), "%s", o)
		for name := range r.properties {
			for _, probe := range probes { // the first one that the decoder refuses
				_, f := r.with(t, r.examples[0], name, probe)
				if f != wrong && f != unsupported {
					continue
				}
				body := maps.Clone(r.examples[0])
				body[name] = probe
				response, answer := k.do(o.method, path, string(api.Encode(body)))
				assert.Equal(t, 400, response.StatusCode, "%s: %s", o, answer)
				assert.Contains(t, answer, `"message":"`+name, "%s: errors name the field", o)
				break
			}
		}
	}
	_, got := k.do("GET", "/openapi.yaml", "")
	assert.Equal(t, docs.OpenAPI, got)
}

func TestAStrictServerAnswersForItsModelOnly(t *testing.T) {
	k := client{trial: start(t, Options{Model: newModel(t, service.Options{Name: "demo"}), StrictModel: true})}
	for operation, r := range theDocument(t).requests(t) {
		if r.properties["model"] == nil {
			continue
		}
		method, path, _ := strings.Cut(operation, " ")
		for model, want := range map[string]int{"other": 404, "demo": 200} {
			body := maps.Clone(r.examples[0])
			body["model"] = model
			response, answer := k.do(method, path, string(api.Encode(body)))
			if response.StatusCode != http.StatusCreated {
				assert.Equal(t, want, response.StatusCode, "%s: %s", operation, answer)
			}
		}
	}
}

// check holds an answer of the server to the document.
func (b *trial) check(request string, answer *http.Response, body string) {
	b.Helper()
	var f finder
	b.mux.ServeHTTP(&f, answer.Request)
	theDocument(b.T).check(b.T, f.route, request, answer, body)
}
