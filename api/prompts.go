package api

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Prompt is a text, token ids if Tokens is not nil, or several of these in a row if Parts is not nil.
type Prompt struct {
	Text   string
	Tokens []tokenizer.Token
	Parts  []Prompt // none has parts
}

// Empty reports whether the prompt has no text and no tokens.
func (p Prompt) Empty() bool { return p.Text == "" && len(p.Tokens) == 0 && len(p.Parts) == 0 }

// Encode returns the prompt's tokens. Each text is encoded by itself. A text that fits no tokens is an *Error, and so is an
// id that the vocabulary does not have.
func (p Prompt) Encode(v tokenizer.Tokenizer) ([]tokenizer.Token, error) {
	switch {
	case p.Parts != nil:
		var all []tokenizer.Token
		for _, part := range p.Parts {
			tokens, err := part.Encode(v)
			if err != nil {
				return nil, err
			}
			all = append(all, tokens...)
		}
		return all, nil
	case p.Tokens == nil:
		tokens, err := v.Encode([]byte(p.Text))
		if err != nil {
			return nil, Invalidf("", "%v", err)
		}
		return tokens, nil
	}
	for _, id := range p.Tokens {
		if int(id) >= v.Len() {
			return nil, Invalidf("", "token %d: the vocabulary has %d tokens", id, v.Len())
		}
	}
	return p.Tokens, nil
}

// Prompts reads one prompt or an array of prompts, at most so many. A prompt is a text, an array of token ids, an array of ids and texts,
// or an object whose prompt_string is the text. An array of texts is an array of prompts.
func (o *Object) Prompts(field string, most int) (prompts []Prompt) {
	value := o.Value(field)
	switch {
	case value == nil:
		o.Fail(Invalidf(field, "is missing"))
		return nil
	case TypeOf(value) != "an array" || holdsNumber(value):
		return []Prompt{o.prompt(o.Name(field), value)}
	}
	list, each := o.List(field, most)
	if len(list) == 0 {
		o.Fail(Invalidf(field, "is empty"))
	}
	for i, value := range list {
		prompts = append(prompts, o.prompt(each(i), value))
	}
	return prompts
}

// Sequence reads one prompt: a text, or an array of token ids and texts. It returns nil if the field is missing.
func (o *Object) Sequence(field string) *Prompt {
	value := o.Value(field)
	if value == nil {
		return nil
	}
	p := o.prompt(o.Name(field), value)
	return &p
}

// holdsNumber reports whether an array has a number among its elements.
func holdsNumber(array json.RawMessage) bool {
	for depth, c := range structure(array) {
		if depth == 1 && (c == '-' || c >= '0' && c <= '9') {
			return true
		}
	}
	return false
}

// prompt reads a text, an array of ids and texts, or an object with a text.
func (o *Object) prompt(path string, value json.RawMessage) Prompt {
	switch TypeOf(value) {
	case "a string":
		var p Prompt
		if json.Unmarshal(value, &p.Text) != nil {
			o.Fail(Invalidf(path, "want a string"))
		}
		return p
	case "an array":
		if bytes.IndexByte(value, '"') < 0 {
			return Prompt{Tokens: o.tokens(path, value)}
		}
		return Prompt{Parts: o.parts(path, value)}
	case "an object":
		inner := o.Element(path, value)
		if asksFor(inner.Value("multimodal_data")) {
			o.Fail(Unsupportedf(inner.Name("multimodal_data"), "this server reads text only"))
		}
		text := inner.Text("prompt_string")
		if text == nil {
			o.Fail(Invalidf(inner.Name("prompt_string"), "is missing"))
			return Prompt{}
		}
		return Prompt{Text: *text}
	}
	o.Fail(Invalidf(path, "want a string, token ids, or an array of these"))
	return Prompt{}
}

// parts reads an array of ids and texts, one by one.
func (o *Object) parts(path string, array json.RawMessage) (parts []Prompt) {
	d := json.NewDecoder(bytes.NewReader(array))
	d.UseNumber()
	_, _ = d.Token() // the array is known to be JSON
	for d.More() && !o.Failed() {
		element, _ := d.Token()
		last := len(parts) - 1
		switch e := element.(type) {
		case string:
			parts = append(parts, Prompt{Text: e})
		case json.Number:
			id, err := strconv.ParseInt(string(e), 10, 32)
			switch {
			case err != nil || id < 0:
				o.Fail(Invalidf(path, "%s is not a token's id", short(json.RawMessage(e))))
			case last >= 0 && parts[last].Tokens != nil:
				parts[last].Tokens = append(parts[last].Tokens, tokenizer.Token(id))
			default:
				parts = append(parts, Prompt{Tokens: []tokenizer.Token{tokenizer.Token(id)}})
			}
		default:
			o.Fail(Invalidf(path, "want an array of token ids and texts"))
		}
		if len(parts) > MaxParts {
			o.Fail(Invalidf(path, "has more than %d texts and runs of token ids", MaxParts))
		}
	}
	return parts
}

// Tokens reads an array of token ids, or nil.
func (o *Object) Tokens(field string) []tokenizer.Token {
	value := o.Value(field)
	if value == nil || string(bytes.Join(bytes.Fields(value), nil)) == "[]" {
		return nil
	}
	return o.tokens(o.Name(field), value)
}

// tokens reads an array of token ids, at least one.
func (o *Object) tokens(path string, value json.RawMessage) []tokenizer.Token {
	_, most := scan(value)
	ids := make([]tokenizer.Token, 0, most)
	hasNull := bytes.IndexByte(value, 'n') >= 0 // Unmarshal would read it as 0
	switch {
	case TypeOf(value) != "an array", json.Unmarshal(value, &ids) != nil, hasNull:
		o.Fail(Invalidf(path, "want an array of token ids, whole numbers from 0 to %d", math.MaxInt32))
	case len(ids) == 0:
		o.Fail(Invalidf(path, "is empty"))
	case slices.Min(ids) < 0:
		o.Fail(Invalidf(path, "%d is not a token's id", slices.Min(ids)))
	}
	return ids
}
