package grammar

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// FromSchema returns the grammar of the JSON texts that a JSON Schema allows. Whatever fits the grammar is valid. It takes
//
//   - type, enum, const, anyOf, allOf, $ref to a place in the same schema (recursion too), true and false
//   - oneOf, if no two branches can match the same value: they differ in type, or in the const or enum of a required property
//   - properties, required, additionalProperties
//   - items, prefixItems, minItems, maxItems
//   - minLength, maxLength, pattern (as package regexp reads it), format (date, time, date-time,
//     duration, uuid, ipv4, ipv6, email, hostname, uri)
//   - minimum, maximum, exclusiveMinimum and exclusiveMaximum; for the type number, if they are whole numbers
//
// and annotations such as title, description, default and those that begin with x-. It refuses every other keyword by its name, and
// combinations that it cannot express.
//
// Some valid texts do not fit. Properties come in the order of the schema. An object whose schema has properties has no others, unless
// additionalProperties allows them. White space is at most a blank, or a line end and 20 blanks. Numbers have at most 16 digits before and
// after the point. A schema without a type that has keywords of one type only, such as properties, means that type.
//
// Errors are of type *Error, with a JSON pointer to the place.
func FromSchema(source []byte) (*Grammar, error) { return New(Schema(string(source))) }

// Schema is the part that FromSchema compiles.
func Schema(source string) Part {
	return Part{keyed("schema", source), func(r *rules) (*expr, error) { return parseSchema(r, source) }}
}

// Object is any JSON object.
func Object() Part { return Schema(`{"type":"object"}`) }

// parseSchema adds the rules of a schema and returns a reference to its root.
func parseSchema(r *rules, source string) (*expr, error) {
	if len(source) > MaxSource {
		return nil, &Error{Reason: fmt.Sprintf("the schema has %d bytes, at most %d are allowed", len(source), MaxSource)}
	}
	root, err := decode([]byte(source))
	if err != nil {
		return nil, err
	}
	s := schema{rules: r, root: root, refs: map[string]int{}, shared: map[string]*expr{}}
	return s.reference("#", "#")
}

// schema turns a JSON Schema into rules.
type schema struct {
	*rules
	root   any
	refs   map[string]int // the rules of the places that $ref names
	shared map[string]*expr
	work   int
}

const (
	maxSchemas = 20000 // schemas that are read, each time that one is
	maxMerges  = 64    // allOf and $ref within each other in one place
)

func fault(where, format string, args ...any) error {
	return &Error{Where: where, Reason: fmt.Sprintf(format, args...)}
}

var (
	annotations = []string{"title", "description", "default", "examples", "example", "$comment", "$schema", "$id", "deprecated", "readOnly", "writeOnly", "$defs", "definitions"}
	combiners   = []string{"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"}
	allTypes    = []string{"null", "boolean", "number", "string", "array", "object"}
	// byType are the keywords that say something of one type only.
	byType = map[string][]string{
		"string":  {"minLength", "maxLength", "pattern", "format"},
		"number":  {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
		"integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
		"array":   {"items", "prefixItems", "minItems", "maxItems"},
		"object":  {"properties", "required", "additionalProperties"},
	}
)

func isAnnotation(key string) bool {
	return strings.HasPrefix(key, "x-") || slices.Contains(annotations, key)
}

// check refuses keywords that are not known.
func check(o *object, where string) error {
	for _, key := range o.keys {
		known := isAnnotation(key) || slices.Contains(combiners, key)
		for _, keys := range byType {
			known = known || slices.Contains(keys, key)
		}
		if !known {
			return fault(where, "the keyword %q is not supported", key)
		}
		if uri, ok := o.values[key].(string); key == "$schema" && (!ok || !strings.Contains(uri, "://json-schema.org/")) {
			return fault(where, "the keyword \"$schema\" names a dialect that is not supported")
		}
		if key == "$id" && where != "#" {
			return fault(where, "the keyword \"$id\" is only supported at the top")
		}
	}
	return nil
}

// reference returns a reference to the rule of the schema at a place such as "#/$defs/a".
func (s *schema) reference(pointer, where string) (*expr, error) {
	if n, ok := s.refs[pointer]; ok {
		return ref(n), nil
	}
	v, err := s.find(pointer, where)
	if err != nil {
		return nil, err
	}
	n := s.add(pointer)
	s.refs[pointer] = n
	s.bodies[n], err = s.value(v, pointer, 0)
	return ref(n), err
}

// find returns what a JSON pointer names.
func (s *schema) find(pointer, where string) (any, error) {
	path, err := url.PathUnescape(pointer)
	if err != nil || path != "#" && !strings.HasPrefix(path, "#/") {
		return nil, fault(where, "$ref to %q: only places in the same schema are supported, such as \"#/$defs/name\"", pointer)
	}
	v := s.root
	for _, key := range strings.Split(path, "/")[1:] {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		var next any
		ok := false
		switch at := v.(type) {
		case *object:
			next, ok = at.values[key]
		case []any:
			if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(at) {
				next, ok = at[i], true
			}
		}
		if !ok {
			return nil, fault(where, "$ref to %q, which is not there", pointer)
		}
		v = next
	}
	return v, nil
}

// value returns the texts of a schema.
func (s *schema) value(v any, where string, depth int) (*expr, error) {
	if s.work++; s.work > maxSchemas {
		return nil, fault(where, "the schema is too large: with what allOf, anyOf and $ref repeat it has more than %d parts", maxSchemas)
	}
	if depth > MaxNesting {
		return nil, fault(where, "schemas are nested more than %d deep", MaxNesting)
	}
	if yes, ok := v.(bool); ok {
		if yes {
			return s.anything(), nil
		}
		return never, nil
	}
	o, ok := v.(*object)
	if !ok {
		return nil, fault(where, "want a schema, an object or a boolean")
	}
	if err := check(o, where); err != nil {
		return nil, err
	}
	if pointer, ok := onlyRef(o); ok {
		return s.reference(pointer, where)
	}
	if o.has("allOf") || o.has("$ref") {
		return s.merged(o, where, depth)
	}
	return s.plain(o, where, depth)
}

// merged returns the rule of a schema with allOf, or with a $ref and more. Equal ones share a rule, so recursion through them ends.
func (s *schema) merged(o *object, where string, depth int) (*expr, error) {
	key := canonical(o)
	s.work += len(key) / 256
	if n, ok := s.refs[key]; ok {
		return ref(n), nil
	}
	flat, err := s.flatten(o, where, 0)
	if err != nil || flat == nil {
		return never, err
	}
	n := s.add(where)
	s.refs[key] = n
	s.bodies[n], err = s.plain(flat, where, depth)
	return ref(n), err
}

// plain returns the texts of a schema without allOf and $ref.
func (s *schema) plain(o *object, where string, depth int) (*expr, error) {
	for _, key := range []string{"anyOf", "oneOf"} {
		if o.has(key) {
			return s.branches(o, key, where, depth)
		}
	}
	if o.has("enum") || o.has("const") {
		return literals(o, where)
	}
	return s.typed(o, where, depth)
}

// assertions returns the keywords that are not annotations.
func assertions(o *object) []string {
	return slices.DeleteFunc(slices.Clone(o.keys), isAnnotation)
}

// onlyRef returns the target of a schema that is nothing but a reference, perhaps within an allOf of one.
func onlyRef(o *object) (string, bool) {
	keys := assertions(o)
	if len(keys) != 1 {
		return "", false
	}
	if all, ok := o.values["allOf"].([]any); ok && len(all) == 1 {
		if only, ok := all[0].(*object); ok {
			return onlyRef(only)
		}
	}
	pointer, ok := o.values["$ref"].(string)
	return pointer, ok
}

// flatten replaces allOf and $ref by the keywords of what they name. It returns nil for a schema that nothing fits.
func (s *schema) flatten(o *object, where string, merges int) (*object, error) {
	if err := check(o, where); err != nil {
		return nil, err
	}
	if s.work++; merges > maxMerges || s.work > maxSchemas {
		return nil, fault(where, "allOf or $ref leads back to itself, or too far")
	}
	out := o.without("allOf", "$ref")
	var parts []any
	var places []string
	if o.has("$ref") {
		pointer, ok := o.values["$ref"].(string)
		if !ok {
			return nil, fault(where, "$ref is not a text")
		}
		v, err := s.find(pointer, where)
		if err != nil {
			return nil, err
		}
		parts, places = append(parts, v), append(places, pointer)
	}
	if o.has("allOf") {
		all, err := schemaList(o, "allOf", where)
		if err != nil {
			return nil, err
		}
		for i, v := range all {
			parts, places = append(parts, v), append(places, fmt.Sprintf("%s/allOf/%d", where, i))
		}
	}
	for i, v := range parts {
		part, never, err := s.flat(v, places[i], merges+1)
		if err != nil || never {
			return nil, err
		}
		if out, err = conjunction(out, part, where); err != nil || out == nil {
			return nil, err
		}
	}
	return out, nil
}

// flat flattens a schema that may be a boolean. It reports whether nothing fits.
func (s *schema) flat(v any, where string, merges int) (*object, bool, error) {
	switch v := v.(type) {
	case bool:
		return newObject(), !v, nil
	case *object:
		o, err := s.flatten(v, where, merges)
		return o, o == nil, err
	}
	return nil, false, fault(where, "want a schema, an object or a boolean")
}

func schemaList(o *object, key, where string) ([]any, error) {
	list, ok := o.values[key].([]any)
	if !ok || len(list) == 0 {
		return nil, fault(where, "%s is not a list of schemas", key)
	}
	return list, nil
}

// branches returns the alternatives of anyOf or oneOf, each with the keywords beside it.
func (s *schema) branches(o *object, key, where string, depth int) (*expr, error) {
	list, err := schemaList(o, key, where)
	if err != nil {
		return nil, err
	}
	if key == "oneOf" {
		if err := s.apart(list, where); err != nil {
			return nil, err
		}
	}
	base := o.without(key)
	var parts []*expr
	for i, v := range list {
		place := fmt.Sprintf("%s/%s/%d", where, key, i)
		if len(assertions(base)) > 0 {
			branch, nothing, err := s.flat(v, place, 0)
			if err != nil {
				return nil, err
			}
			if nothing {
				continue
			}
			if branch, err = conjunction(base, branch, place); err != nil {
				return nil, err
			}
			if branch == nil {
				continue
			}
			v = branch
		}
		part, err := s.value(v, place, depth+1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return alt(parts...), nil
}

// literals returns the values of enum and const that fit the types.
func literals(o *object, where string) (*expr, error) {
	for _, key := range assertions(o) {
		if !slices.Contains([]string{"enum", "const", "type"}, key) {
			return nil, fault(where, "%q beside enum or const is not supported: leave out the values that do not fit", key)
		}
	}
	values, err := listed(o, where)
	if err != nil {
		return nil, err
	}
	var texts []string
	var parts []*expr
	for _, v := range values {
		switch v := v.(type) {
		case []any, *object:
			parts = append(parts, literal(v))
		case json.Number:
			texts = append(texts, v.String())
		default:
			texts = append(texts, canonical(v))
		}
	}
	if len(texts) > 0 {
		parts = append(parts, oneOf(texts))
	}
	return alt(parts...), nil
}

// listed returns the values that enum, const and type allow.
func listed(o *object, where string) ([]any, error) {
	values := []any{o.values["const"]}
	if o.has("enum") {
		list, ok := o.values["enum"].([]any)
		if !ok || len(list) == 0 {
			return nil, fault(where, "enum is not a list of values")
		}
		values = slices.Clone(list)
		if o.has("const") {
			values = slices.DeleteFunc(values, func(v any) bool { return !sameValue(v, o.values["const"]) })
		}
	}
	types, err := typesOf(o, where)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(values, func(v any) bool { return !slices.ContainsFunc(types, func(t string) bool { return hasType(v, t) }) }), nil
}

func hasType(v any, t string) bool {
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case json.Number:
		f, err := v.Float64()
		return t == "number" || t == "integer" && err == nil && f == math.Trunc(f)
	case []any:
		return t == "array"
	}
	return t == "object"
}

// typesOf returns the types that a schema allows: those that it names, those that its keywords are for, or all.
func typesOf(o *object, where string) ([]string, error) {
	var types []string
	switch t := o.values["type"].(type) {
	case nil:
		if o.has("type") {
			return nil, fault(where, "type is not a text or a list of texts")
		}
		for _, name := range allTypes {
			if slices.ContainsFunc(byType[name], o.has) {
				types = append(types, name)
			}
		}
		if len(types) == 0 {
			types = allTypes
		}
		return types, nil
	case string:
		types = []string{t}
	case []any:
		for _, v := range t {
			name, _ := v.(string)
			types = append(types, name)
		}
	}
	if len(types) == 0 && !isEmptyList(o.values["type"]) {
		return nil, fault(where, "type is not a text or a list of texts")
	}
	for _, t := range types {
		if t != "integer" && !slices.Contains(allTypes, t) {
			return nil, fault(where, "unknown type %q", t)
		}
	}
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	return types, nil
}

func isEmptyList(v any) bool { l, ok := v.([]any); return ok && len(l) == 0 }

// typed returns the texts of a schema by their type.
func (s *schema) typed(o *object, where string, depth int) (*expr, error) {
	types, err := typesOf(o, where)
	if err != nil {
		return nil, err
	}
	var parts []*expr
	for _, t := range types {
		var part *expr
		switch t {
		case "null":
			part = text("null")
		case "boolean":
			part = alt(text("true"), text("false"))
		case "integer", "number":
			part, err = numbers(o, t, where)
		case "string":
			part, err = s.strings(o, where)
		case "array":
			part, err = s.array(o, where, depth)
		case "object":
			part, err = s.object(o, where, depth)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return alt(parts...), nil
}

// once returns a shared rule, made at the first use.
func (s *schema) once(name string, body func() *expr) *expr {
	if e, ok := s.shared[name]; ok {
		return e
	}
	n := s.add(name)
	s.shared[name] = ref(n)
	s.bodies[n] = body()
	return s.shared[name]
}

func (s *schema) string() *expr {
	return s.once("any string", func() *expr { return quoted(repeat(jsonChar, 0, unlimited)) })
}

func (s *schema) anything() *expr {
	return s.once("any value", func() *expr {
		return alt(text("null"), text("true"), text("false"), number, s.string(), s.anyArray(), s.anyObject())
	})
}

func (s *schema) anyArray() *expr {
	return s.once("any array", func() *expr { return list("[", "]", s.anything(), 0, unlimited) })
}

func (s *schema) anyObject() *expr {
	return s.once("any object", func() *expr { return list("{", "}", seq(s.string(), colon, s.anything()), 0, unlimited) })
}
