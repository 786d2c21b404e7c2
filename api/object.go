package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Object reads the fields of a JSON object. A field that is null counts as missing. The first error stays, and later calls return zero
// values.
type Object struct {
	fields map[string]json.RawMessage
	path   string          // of the object in the request, such as "messages[2]"; empty for the request itself
	read   map[string]bool // the request's fields that were asked for; nil for objects in it
	err    **Error         // shared by all objects of a request
}

// Parse reads the body of a request, which is an object. Its errors are of type *Error.
func Parse(body []byte) (*Object, error) {
	if !utf8.Valid(body) {
		return nil, Invalidf("", "the body is not UTF-8")
	}
	if deepest, _ := scan(body); deepest > MaxDepth {
		return nil, Invalidf("", "the body has more than %d levels of objects and arrays", MaxDepth)
	}
	var err *Error
	o := &Object{err: &err, read: map[string]bool{}}
	o.fill(body)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// fill reads the fields.
func (o *Object) fill(data []byte) {
	if _, n := scan(data); n > MaxFields {
		o.Fail(Invalidf(o.path, "has %d fields, %d are the most", n, MaxFields))
		return
	}
	if err := json.Unmarshal(data, &o.fields); err != nil || o.fields == nil {
		if !json.Valid(data) {
			o.Fail(Invalidf(o.path, "not JSON: %v", err))
			return
		}
		o.Fail(Invalidf(o.path, "want an object, not %s", TypeOf(data)))
	}
}

// structure gives the bytes of JSON outside of texts. Each comes with the number of arrays and objects that are open behind it.
func structure(data []byte) iter.Seq2[int, byte] {
	return func(yield func(depth int, c byte) bool) {
		depth, inText := 0, false
		for i := 0; i < len(data); i++ {
			c := data[i]
			switch {
			case inText && c == '\\':
				i++
				continue
			case c == '"':
				inText = !inText
				continue
			case inText:
				continue
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if !yield(depth, c) {
				return
			}
		}
	}
}

// scan returns how deep objects and arrays are nested, and how many elements the outermost has at most.
func scan(data []byte) (deepest, elements int) {
	for depth, c := range structure(data) {
		deepest = max(deepest, depth)
		if c == ',' && depth == 1 {
			elements++
		}
	}
	return deepest, elements + 1
}

// TypeOf names the type of a JSON value.
func TypeOf(value json.RawMessage) string {
	switch value = bytes.TrimSpace(value); {
	case len(value) == 0 || string(value) == "null":
		return "null"
	case value[0] == '{':
		return "an object"
	case value[0] == '[':
		return "an array"
	case value[0] == '"':
		return "a string"
	case value[0] == 't' || value[0] == 'f':
		return "a boolean"
	}
	return "a number"
}

// Failed reports whether an error has happened.
func (o *Object) Failed() bool { return *o.err != nil }

// Fail keeps an error, unless there is one.
func (o *Object) Fail(err *Error) {
	if !o.Failed() {
		*o.err = err
	}
}

// Name returns the path of a field in the request, such as "messages[2].role".
func (o *Object) Name(field string) string {
	if o.path == "" {
		return field
	}
	return o.path + "." + field
}

// Value returns a field, or nil if it is missing or an error has happened.
func (o *Object) Value(field string) json.RawMessage {
	if o.read != nil {
		o.read[field] = true
	}
	value := o.fields[field]
	if o.Failed() || string(value) == "null" {
		return nil
	}
	return value
}

// Wrong notes that a field has another type than it should.
func (o *Object) Wrong(field, want string, value json.RawMessage) {
	o.Fail(Invalidf(o.Name(field), "want %s, not %s", want, TypeOf(value)))
}

// Text returns a string, or nil.
func (o *Object) Text(field string) *string {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	var text string
	if TypeOf(value) != "a string" || json.Unmarshal(value, &text) != nil {
		o.Wrong(field, "a string", value)
		return nil
	}
	return &text
}

// Texts returns a string or an array of strings as a list of at most so many.
func (o *Object) Texts(field string, most int) []string {
	value := o.Value(field)
	switch {
	case value == nil:
		return nil
	case TypeOf(value) == "a string":
		return []string{*o.Text(field)}
	}
	var list []*string
	if !o.atMost(field, value, most) {
		return nil
	}
	if json.Unmarshal(value, &list) != nil || slices.Contains(list, nil) {
		o.Fail(Invalidf(o.Name(field), "want a string or an array of strings"))
		return nil
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = *text
	}
	return texts
}

// Flag returns a boolean, or nil.
func (o *Object) Flag(field string) *bool {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	var flag bool
	if json.Unmarshal(value, &flag) != nil {
		o.Wrong(field, "true or false", value)
		return nil
	}
	return &flag
}

// Is returns a boolean. A missing one is false.
func (o *Object) Is(field string) bool {
	flag := o.Flag(field)
	return flag != nil && *flag
}

// Number returns a number within bounds, or nil.
func (o *Object) Number(field string, least, most float64) *float64 {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	if TypeOf(value) != "a number" {
		o.Wrong(field, "a number", value)
		return nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || !(n >= least && n <= most) {
		o.Fail(Invalidf(o.Name(field), "%s is not between %v and %v", short(value), least, most))
		return nil
	}
	return &n
}

// whole returns a whole number within bounds, or nil. 100.0 is whole too.
func (o *Object) whole(field string, least, most int64) *int64 {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	if TypeOf(value) != "a number" {
		o.Wrong(field, "a whole number", value)
		return nil
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		f, floatErr := strconv.ParseFloat(string(value), 64)
		if floatErr == nil && f != math.Trunc(f) {
			o.Fail(Invalidf(o.Name(field), "%s is not a whole number", short(value)))
			return nil
		}
		if n = int64(f); floatErr != nil || math.Abs(f) > 1<<53 {
			o.Fail(Invalidf(o.Name(field), "%s is not between %d and %d", short(value), least, most))
			return nil
		}
	}
	if n < least || n > most {
		o.Fail(Invalidf(o.Name(field), "%s is not between %d and %d", short(value), least, most))
		return nil
	}
	return &n
}

// short returns the beginning of a number.
func short(number json.RawMessage) string { return excerpt.Cut(string(number), 40) }

// Count returns a whole number as an int, or nil.
func (o *Object) Count(field string, least, most int) *int {
	n := o.whole(field, int64(least), int64(most))
	if n == nil {
		return nil
	}
	count := int(*n)
	return &count
}

// Object returns the object in a field, or nil.
func (o *Object) Object(field string) *Object {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	return o.Element(o.Name(field), value)
}

// Element returns the object that an array holds. The caller looks at Failed.
func (o *Object) Element(path string, value json.RawMessage) *Object {
	inner := &Object{path: path, err: o.err}
	inner.fill(value)
	return inner
}

// List returns the elements of an array, at most so many, or nil. each returns the path of an element.
func (o *Object) List(field string, most int) (list []json.RawMessage, each func(int) string) {
	each = func(i int) string { return fmt.Sprintf("%s[%d]", o.Name(field), i) }
	value := o.Value(field)
	if value == nil {
		return nil, each
	}
	if !o.atMost(field, value, most) {
		return nil, each
	}
	if json.Unmarshal(value, &list) != nil {
		o.Wrong(field, "an array", value)
	}
	return list, each
}

// atMost reports whether an array has few enough elements.
func (o *Object) atMost(field string, array json.RawMessage, most int) bool {
	_, n := scan(array)
	if n > most {
		o.Fail(Invalidf(o.Name(field), "has %d elements, %d are the most", n, most))
	}
	return n <= most
}
