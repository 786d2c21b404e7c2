package api

import (
	"encoding/json"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// form is what a text must look like: a grammar or a JSON Schema. The zero value is any text.
type form struct {
	field   string // that asks for it
	grammar string // in llama.cpp's notation
	schema  json.RawMessage
}

// anyObject is the schema of any JSON object.
var anyObject = json.RawMessage(`{"type":"object"}`)

// form reads the fields that constrain a text. Only one of them may ask for something.
func (o *Object) form() (f form) {
	choose := func(by form) {
		if f.field != "" {
			o.Fail(Invalidf(by.field, "cannot stand together with %s: leave one of them out", f.field))
		}
		f = by
	}
	if grammar := o.Text("grammar"); grammar != nil && *grammar != "" {
		choose(form{field: "grammar", grammar: *grammar})
	}
	if schema := o.Value("json_schema"); schema != nil {
		if o.Object("json_schema"); !o.Failed() {
			choose(form{field: "json_schema", schema: schema})
		}
	}
	if format := o.Object("response_format"); format != nil && !o.Failed() {
		if schema := format.formatSchema(); schema != nil {
			choose(form{field: "response_format", schema: schema})
		}
	}
	return f
}

// formatSchema reads a response_format. It returns nil for free text.
func (o *Object) formatSchema() json.RawMessage {
	kind := o.Text("type")
	if kind == nil {
		if !o.Failed() {
			o.Fail(Invalidf(o.Name("type"), "is missing"))
		}
		return nil
	}
	switch *kind {
	case "text":
		return nil
	case "json_object":
		if o.Value("schema") == nil {
			return anyObject
		}
		return o.schema()
	case "json_schema":
		inner := o.Object("json_schema")
		if inner == nil {
			o.Fail(Invalidf(o.Name("json_schema"), "is missing"))
			return nil
		}
		return inner.schema()
	}
	o.Fail(Invalidf(o.Name("type"), "%s: want text, json_object or json_schema", excerpt.Of(*kind)))
	return nil
}

// schema reads the schema in an object.
func (o *Object) schema() json.RawMessage {
	value := o.Value("schema")
	if value == nil {
		o.Fail(Invalidf(o.Name("schema"), "is missing"))
		return nil
	}
	o.Object("schema")
	return value
}

// FreeText refuses texts that are constrained by a grammar or a schema.
func (o *Object) FreeText() {
	if f := o.form(); f.field != "" {
		o.Fail(Unsupportedf(f.field, "texts cannot be constrained: leave it out"))
	}
}

// textOnly refuses answers in other forms than text.
func (o *Object) textOnly() {
	for _, form := range o.Texts("modalities", 16) {
		if form != "text" {
			o.Fail(Unsupportedf("modalities", "%s: this server answers with text", excerpt.Of(form)))
		}
	}
}
