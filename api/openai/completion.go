package openai

import (
	"math"

	"github.com/gosling-rwkv/gosling/api"
)

// CompletionRequest is a request for completions.
type CompletionRequest struct {
	api.Options
	Prompts []api.Prompt // at least one; each has Choices answers
	Echo    bool         // answers begin with the prompt; with Logprobs they tell the prompt's too
	BestOf  int          // how many texts are generated for the Choices likeliest ones; at least Choices
}

// DecodeCompletion reads a request for completions. Its errors are of type *api.Error.
func DecodeCompletion(body []byte) (*CompletionRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &CompletionRequest{Options: o.Options(), Prompts: o.Prompts("prompt", api.MaxPrompts), Echo: o.Is("echo")}
	r.Limit = o.Limit("max_tokens", "n_predict")
	r.Logprobs = completionLogprobs(o)
	r.BestOf = r.Choices
	if best := o.Count("best_of", 0, api.MaxChoices); best != nil && *best > 0 {
		r.BestOf = *best
	}
	switch {
	case r.BestOf < r.Choices:
		o.Fail(api.Invalidf("best_of", "is %d, less than n, which is %d", r.BestOf, r.Choices))
	case r.BestOf > r.Choices && r.Stream:
		o.Fail(api.Invalidf("best_of", "the best texts are known at the end only: leave out stream"))
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// completionLogprobs reads a number, or llama.cpp's n_probs in its place. Some clients send true, which tells no other tokens.
func completionLogprobs(o *api.Object) *int {
	n := o.Count("n_probs", 0, api.MaxTopLogprobs)
	value := o.Value("logprobs")
	switch isFlag := api.TypeOf(value) == "a boolean"; {
	case value != nil && !isFlag:
		return o.Count("logprobs", 0, api.MaxTopLogprobs)
	case n != nil && *n > 0:
		return n
	case isFlag && o.Is("logprobs"):
		return new(int)
	}
	return nil
}

// EmbeddingRequest is a request for embeddings.
type EmbeddingRequest struct {
	Model      string       // as the client names it; may be empty
	Inputs     []api.Prompt // at least one, and none is empty
	Base64     bool         // the vectors are sent as little-endian 32-bit floats in base64
	Dimensions int          // how many numbers of each vector the client wants; 0 is all
	Ignored    []string     // as in Options
}

// DecodeEmbeddings reads a request for embeddings. Its errors are of type *api.Error.
func DecodeEmbeddings(body []byte) (*EmbeddingRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &EmbeddingRequest{Inputs: o.Prompts("input", api.MaxInputs)}
	api.Set(&r.Model, o.Text("model"))
	api.Set(&r.Dimensions, o.Count("dimensions", 1, math.MaxInt32))
	for _, input := range r.Inputs {
		if input.Empty() {
			o.Fail(api.Invalidf("input", "has an empty text"))
		}
	}
	switch form := o.Text("encoding_format"); {
	case form == nil || *form == "float":
	case *form == "base64":
		r.Base64 = true
	default:
		o.Fail(api.Invalidf("encoding_format", `want "float" or "base64"`))
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}
