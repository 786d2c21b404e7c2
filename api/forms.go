package api

import (
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Form reads the fields that say what a text must look like, of which only one may ask for something. It returns nil for any text.
func (o *Object) Form() (form *grammar.Part) {
	from := ""
	choose := func(field string, p grammar.Part) {
		if from != "" {
			o.Fail(Invalidf(field, "cannot stand together with %s: leave one of them out", from))
		}
		form, from = &p, field
	}
	if source := o.Text("grammar"); source != nil && *source != "" {
		choose("grammar", grammar.GBNF(*source).At("grammar"))
	}
	if schema := o.Value("json_schema"); schema != nil {
		if o.Object("json_schema"); !o.Failed() {
			choose("json_schema", grammar.Schema(string(schema)).At("json_schema"))
		}
	}
	if format := o.Object("response_format"); format != nil && !o.Failed() {
		if p := format.format(); p != nil {
			choose("response_format", *p)
		}
	}
	return form
}

// format reads a response_format. It returns nil for any text.
func (o *Object) format() *grammar.Part {
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
			object := grammar.Object()
			return &object
		}
		return o.Schema()
	case "json_schema":
		inner := o.Object("json_schema")
		if inner == nil {
			o.Fail(Invalidf(o.Name("json_schema"), "is missing"))
			return nil
		}
		return inner.Schema()
	}
	o.Fail(Invalidf(o.Name("type"), "%s: want text, json_object or json_schema", excerpt.Of(*kind)))
	return nil
}

// Schema reads the field schema of an object, which must be there.
func (o *Object) Schema() *grammar.Part {
	value := o.Value("schema")
	if value == nil {
		o.Fail(Invalidf(o.Name("schema"), "is missing"))
		return nil
	}
	o.Object("schema")
	p := grammar.Schema(string(value)).At(o.Name("schema"))
	return &p
}

// textOnly refuses answers in other forms than text.
func (o *Object) textOnly() {
	for _, form := range o.Texts("modalities", 16) {
		if form != "text" {
			o.Fail(Unsupportedf("modalities", "%s: this server answers with text", excerpt.Of(form)))
		}
	}
}
