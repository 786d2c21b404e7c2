package openai

import "github.com/gosling-rwkv/gosling/api"

// ChatRequest is a request for chat completions.
type ChatRequest struct {
	api.Options
	api.Conversation
}

// DecodeChat reads a request for chat completions, or one that only counts their tokens. Its errors are of type *api.Error.
func DecodeChat(body []byte) (*ChatRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &ChatRequest{Options: o.Options(), Conversation: o.Conversation()}
	r.Limit = o.Limit("max_completion_tokens", "max_tokens", "n_predict")
	r.Logprobs = readLogprobs(o)
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// readLogprobs reads logprobs and top_logprobs, or llama.cpp's n_probs in their place.
func readLogprobs(o *api.Object) *int {
	top := o.Count("top_logprobs", 0, api.MaxTopLogprobs)
	n := o.Count("n_probs", 0, api.MaxTopLogprobs)
	switch {
	case !o.Is("logprobs") && top != nil && *top > 0:
		o.Fail(api.Invalidf("top_logprobs", "needs logprobs to be true"))
	case o.Is("logprobs") && top != nil:
		return top
	case n != nil && *n > 0:
		return n
	case o.Is("logprobs"):
		return new(int)
	}
	return nil
}
