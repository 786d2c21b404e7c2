package llamacpp

import "github.com/gosling-rwkv/gosling/api"

// maxFields limits the fields of a response that a request lists.
const maxFields = 256

// CompletionRequest is a request for completions.
type CompletionRequest struct {
	api.Options
	Prompts []api.Prompt // at least one; each has Choices answers

	Tokens bool     // the response has the answer's token ids; chunks of a stream always have them
	Fields []string // of the response; nil is all. See EncodeCompletions
}

// DecodeCompletion reads a request for completions. Its errors are of type *api.Error.
func DecodeCompletion(body []byte) (*CompletionRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &CompletionRequest{Options: o.Options(), Prompts: o.Prompts("prompt", api.MaxPrompts), Tokens: o.Is("return_tokens")}
	api.Set(&r.Choices, o.Count("n_cmpl", 1, api.MaxChoices))
	r.Limit = o.Limit("n_predict", "max_completion_tokens", "max_tokens")
	r.Fields = o.Texts("response_fields", maxFields)
	for _, field := range []string{"n_probs", "logprobs"} {
		if n := o.Count(field, 0, api.MaxTopLogprobs); n != nil && *n > 0 && r.Logprobs == nil {
			r.Logprobs = n
		}
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}
