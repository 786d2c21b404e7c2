package openai

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

// CompletionRequest is a request for completions.
type CompletionRequest struct {
	Options
	Prompts []Prompt // at least one; each has Options.Choices answers
	Echo    bool     // answers begin with the prompt; with Logprobs they tell the prompt's too
	BestOf  int      // how many texts are generated for the Choices likeliest ones; at least Choices
}

// DecodeCompletion reads a request for completions. Its errors are of type *Error.
func DecodeCompletion(body []byte) (*CompletionRequest, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	r := &CompletionRequest{Options: o.options(), Prompts: o.prompts("prompt", MaxPrompts), Echo: o.is("echo")}
	r.Limit = o.limit("max_tokens", "n_predict")
	r.Logprobs = o.completionLogprobs()
	r.BestOf = r.Choices
	if best := o.count("best_of", 0, MaxChoices); best != nil && *best > 0 {
		r.BestOf = *best
	}
	switch {
	case r.BestOf < r.Choices:
		o.fail(invalid("best_of", "is %d, less than n, which is %d", r.BestOf, r.Choices))
	case r.BestOf > r.Choices && r.Stream:
		o.fail(invalid("best_of", "the best texts are known at the end only: leave out stream"))
	}
	ignored, failed := o.finish()
	if failed != nil {
		return nil, failed
	}
	r.Ignored = ignored
	return r, nil
}

// completionLogprobs reads a number. Some clients send true, which tells no other tokens.
func (o *object) completionLogprobs() *int {
	if value := o.value("logprobs"); kind(value) != "a boolean" {
		return o.count("logprobs", 0, MaxTopLogprobs)
	}
	if o.is("logprobs") {
		return new(int)
	}
	return nil
}

// prompts reads a text, an array of texts, an array of token ids, or an array of such arrays.
func (o *object) prompts(field string, most int) (prompts []Prompt) {
	value := o.value(field)
	if value == nil {
		o.fail(invalid(field, "is missing"))
		return nil
	}
	switch element := firstOf(value); {
	case kind(value) == "a string", element == "a string":
		for _, text := range o.texts(field, most) {
			prompts = append(prompts, Prompt{Text: text})
		}
	case element == "a number":
		prompts = []Prompt{{Tokens: o.tokens(o.name(field), value)}}
	case element == "an array":
		list, each := o.list(field, most)
		for i, tokens := range list {
			prompts = append(prompts, Prompt{Tokens: o.tokens(each(i), tokens)})
		}
	case kind(value) == "an array" && element == "":
		o.fail(invalid(field, "is empty"))
	default:
		o.fail(invalid(field, "want a string, token ids, or an array of these"))
	}
	return prompts
}

// firstOf returns the kind of an array's first element, or "" if there is none.
func firstOf(array json.RawMessage) string {
	var one [1]json.RawMessage // Unmarshal drops the elements behind
	if kind(array) != "an array" || json.Unmarshal(array, &one) != nil || one[0] == nil {
		return ""
	}
	return kind(one[0])
}

// tokens reads an array of token ids, at least one.
func (o *object) tokens(path string, value json.RawMessage) []tokenizer.Token {
	_, most := scan(value)
	ids := make([]tokenizer.Token, 0, most)
	hasNull := bytes.IndexByte(value, 'n') >= 0 // Unmarshal would read it as 0
	switch {
	case kind(value) != "an array", json.Unmarshal(value, &ids) != nil, hasNull:
		o.fail(invalid(path, "want an array of token ids, whole numbers from 0 to %d", math.MaxInt32))
	case len(ids) == 0:
		o.fail(invalid(path, "is empty"))
	case slices.Min(ids) < 0:
		o.fail(invalid(path, "%d is not a token's id", slices.Min(ids)))
	}
	return ids
}

// EmbeddingRequest is a request for embeddings.
type EmbeddingRequest struct {
	Model      string   // as the client names it; may be empty
	Inputs     []Prompt // at least one, and none is empty
	Base64     bool     // the vectors are sent as little-endian 32-bit floats in base64
	Dimensions int      // how many numbers of each vector the client wants; 0 is all
	Ignored    []string // as in Options
}

// DecodeEmbeddings reads a request for embeddings. Its errors are of type *Error.
func DecodeEmbeddings(body []byte) (*EmbeddingRequest, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	r := &EmbeddingRequest{Inputs: o.prompts("input", MaxInputs)}
	set(&r.Model, o.text("model"))
	set(&r.Dimensions, o.count("dimensions", 1, math.MaxInt32))
	for _, input := range r.Inputs {
		if input.Text == "" && input.Tokens == nil {
			o.fail(invalid("input", "has an empty text"))
		}
	}
	switch form := o.text("encoding_format"); {
	case form == nil || *form == "float":
	case *form == "base64":
		r.Base64 = true
	default:
		o.fail(invalid("encoding_format", `want "float" or "base64"`))
	}
	ignored, failed := o.finish()
	if failed != nil {
		return nil, failed
	}
	r.Ignored = ignored
	return r, nil
}
