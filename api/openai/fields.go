package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// object reads the fields of a JSON object. A field that is null counts as missing. The first error stays, and later calls return zero
// values.
type object struct {
	fields map[string]json.RawMessage
	path   string          // of the object in the request, such as "messages[2]"; empty for the request itself
	read   map[string]bool // the request's fields that were asked for; nil for objects in it
	err    **Error         // shared by all objects of a request
}

// parse reads the body of a request.
func parse(body []byte) (*object, *Error) {
	if !utf8.Valid(body) {
		return nil, invalid("", "the body is not UTF-8")
	}
	if deepest, _ := scan(body); deepest > MaxDepth {
		return nil, invalid("", "the body has more than %d levels of objects and arrays", MaxDepth)
	}
	var err *Error
	o := &object{err: &err, read: map[string]bool{}}
	o.fill(body)
	return o, err
}

// fill reads the fields.
func (o *object) fill(data []byte) {
	if _, n := scan(data); n > MaxFields {
		o.fail(invalid(o.path, "has %d fields, %d are the most", n, MaxFields))
		return
	}
	if err := json.Unmarshal(data, &o.fields); err != nil || o.fields == nil {
		if !json.Valid(data) {
			o.fail(invalid(o.path, "not JSON: %v", err))
			return
		}
		o.fail(invalid(o.path, "want an object, not %s", kind(data)))
	}
}

// scan returns how deep objects and arrays are nested, and how many elements the outermost has at most.
func scan(data []byte) (deepest, elements int) {
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 1:
			elements++
		}
	}
	return deepest, elements + 1
}

// kind names the type of a JSON value.
func kind(value json.RawMessage) string {
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

func (o *object) fail(err *Error) {
	if *o.err == nil {
		*o.err = err
	}
}

// name returns the path of a field.
func (o *object) name(field string) string {
	if o.path == "" {
		return field
	}
	return o.path + "." + field
}

// value returns a field, or nil if it is missing or an error has happened.
func (o *object) value(field string) json.RawMessage {
	if o.read != nil {
		o.read[field] = true
	}
	value := o.fields[field]
	if *o.err != nil || string(value) == "null" {
		return nil
	}
	return value
}

// wrong notes that a field has another type than it should.
func (o *object) wrong(field, want string, value json.RawMessage) {
	o.fail(invalid(o.name(field), "want %s, not %s", want, kind(value)))
}

// text returns a string, or nil.
func (o *object) text(field string) *string {
	value := o.value(field)
	if value == nil {
		return nil
	}
	var text string
	if kind(value) != "a string" || json.Unmarshal(value, &text) != nil {
		o.wrong(field, "a string", value)
		return nil
	}
	return &text
}

// texts returns a string or an array of strings as a list.
func (o *object) texts(field string, most int) []string {
	value := o.value(field)
	switch {
	case value == nil:
		return nil
	case kind(value) == "a string":
		return []string{*o.text(field)}
	}
	var list []*string
	if !o.atMost(field, value, most) {
		return nil
	}
	if json.Unmarshal(value, &list) != nil || slices.Contains(list, nil) {
		o.fail(invalid(o.name(field), "want a string or an array of strings"))
		return nil
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = *text
	}
	return texts
}

// flag returns a boolean, or nil.
func (o *object) flag(field string) *bool {
	value := o.value(field)
	if value == nil {
		return nil
	}
	var flag bool
	if json.Unmarshal(value, &flag) != nil {
		o.wrong(field, "true or false", value)
		return nil
	}
	return &flag
}

// is returns a boolean. A missing one is false.
func (o *object) is(field string) bool {
	flag := o.flag(field)
	return flag != nil && *flag
}

// number returns a number within bounds, or nil.
func (o *object) number(field string, least, most float64) *float64 {
	value := o.value(field)
	if value == nil {
		return nil
	}
	if kind(value) != "a number" {
		o.wrong(field, "a number", value)
		return nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || !(n >= least && n <= most) {
		o.fail(invalid(o.name(field), "%s is not between %v and %v", short(value), least, most))
		return nil
	}
	return &n
}

// whole returns a whole number within bounds, or nil. 100.0 is whole too.
func (o *object) whole(field string, least, most int64) *int64 {
	value := o.value(field)
	if value == nil {
		return nil
	}
	if kind(value) != "a number" {
		o.wrong(field, "a whole number", value)
		return nil
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		f, floatErr := strconv.ParseFloat(string(value), 64)
		if floatErr == nil && f != math.Trunc(f) {
			o.fail(invalid(o.name(field), "%s is not a whole number", short(value)))
			return nil
		}
		if n = int64(f); floatErr != nil || math.Abs(f) > 1<<53 {
			o.fail(invalid(o.name(field), "%s is not between %d and %d", short(value), least, most))
			return nil
		}
	}
	if n < least || n > most {
		o.fail(invalid(o.name(field), "%s is not between %d and %d", short(value), least, most))
		return nil
	}
	return &n
}

// short returns the beginning of a number.
func short(number json.RawMessage) string { return excerpt.Cut(string(number), 40) }

// count returns a whole number as an int, or nil.
func (o *object) count(field string, least, most int) *int {
	n := o.whole(field, int64(least), int64(most))
	if n == nil {
		return nil
	}
	count := int(*n)
	return &count
}

// object returns the object in a field, or nil.
func (o *object) object(field string) *object {
	value := o.value(field)
	if value == nil {
		return nil
	}
	return o.element(o.name(field), value)
}

// element returns an object in the request. The caller looks at the error.
func (o *object) element(path string, value json.RawMessage) *object {
	inner := &object{path: path, err: o.err}
	inner.fill(value)
	return inner
}

// list returns the elements of an array, or nil. each is the path of the element with a number.
func (o *object) list(field string, most int) (list []json.RawMessage, each func(int) string) {
	each = func(i int) string { return fmt.Sprintf("%s[%d]", o.name(field), i) }
	value := o.value(field)
	if value == nil {
		return nil, each
	}
	if !o.atMost(field, value, most) {
		return nil, each
	}
	if json.Unmarshal(value, &list) != nil {
		o.wrong(field, "an array", value)
	}
	return list, each
}

// atMost reports whether an array has few enough elements.
func (o *object) atMost(field string, array json.RawMessage, most int) bool {
	_, n := scan(array)
	if n > most {
		o.fail(invalid(o.name(field), "has %d elements, %d are the most", n, most))
	}
	return n <= most
}
