package api

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Prompt is a text or, if Tokens is not nil, token ids.
type Prompt struct {
	Text   string
	Tokens []tokenizer.Token
}

// Prompts reads a text, an array of texts, an array of token ids, or an array of such arrays.
func (o *Object) Prompts(field string, most int) (prompts []Prompt) {
	value := o.Value(field)
	if value == nil {
		o.Fail(Invalidf(field, "is missing"))
		return nil
	}
	switch element := firstOf(value); {
	case TypeOf(value) == "a string", element == "a string":
		for _, text := range o.Texts(field, most) {
			prompts = append(prompts, Prompt{Text: text})
		}
	case element == "a number":
		prompts = []Prompt{{Tokens: o.tokens(o.Name(field), value)}}
	case element == "an array":
		list, each := o.List(field, most)
		for i, tokens := range list {
			prompts = append(prompts, Prompt{Tokens: o.tokens(each(i), tokens)})
		}
	case TypeOf(value) == "an array" && element == "":
		o.Fail(Invalidf(field, "is empty"))
	default:
		o.Fail(Invalidf(field, "want a string, token ids, or an array of these"))
	}
	return prompts
}

// firstOf returns the kind of an array's first element, or "" if there is none.
func firstOf(array json.RawMessage) string {
	var one [1]json.RawMessage // Unmarshal drops the elements behind
	if TypeOf(array) != "an array" || json.Unmarshal(array, &one) != nil || one[0] == nil {
		return ""
	}
	return TypeOf(one[0])
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
