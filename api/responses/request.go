package responses

import (
	"encoding/json"
	"slices"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Request is a request for a response, or one that only counts its tokens.
type Request struct {
	api.Options
	Input        []Item // what this request adds to the conversation; at least one
	Instructions string // stand in front of the conversation, in place of those of the responses before
	Previous     string // the id of the response whose conversation goes on, or empty
	Store        bool   // keep the response
	Background   bool   // answer at once, and go on without the client
	Think        string // a mode of prompt.ParseThink; empty follows the server
	Budget       *int   // the most tokens of the thoughts; nil is no limit
	Tools        api.Tools

	Echo Echo
}

// Echo is what a response repeats of its request as it was sent. What is nil stands for a default.
type Echo struct {
	Effort     *string
	User       *string
	Truncation *string
	Metadata   json.RawMessage
	Format     json.RawMessage
	Tools      json.RawMessage
	ToolChoice json.RawMessage
	Parallel   *bool
}

// DecodeCreate reads a request for a response. Its errors are of type *api.Error.
func DecodeCreate(body []byte) (*Request, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &Request{Options: o.Options(), Store: true}
	if r.Choices > 1 {
		o.Fail(api.Invalidf("n", "there is one response"))
	}
	r.Input = input(o)
	r.Limit = o.Limit("max_output_tokens")
	api.Set(&r.Instructions, o.Text("instructions"))
	api.Set(&r.Previous, o.Text("previous_response_id"))
	api.Set(&r.Store, o.Flag("store"))
	if r.Background = o.Is("background"); r.Background && !r.Store {
		o.Fail(api.Invalidf("background", "needs store to be true, because nobody could get the response"))
	}
	if r.Previous != "" && r.State != nil {
		o.Fail(api.Invalidf("state", "cannot stand together with previous_response_id: leave one of them out"))
	}
	r.thinking(o)
	r.Logprobs = logprobs(o)
	var offered api.Conversation
	tools(o, &offered)
	r.Tools = offered.Tools
	r.echo(o)
	r.form(o)
	elsewhere(o)
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	if r.Limit != nil && *r.Limit == 0 && r.Background {
		return nil, api.Invalidf("max_output_tokens", "0 only reads the prompt: leave background out")
	}
	return r, nil
}

// thinking reads whether the model thinks, under OpenAI's name or ours.
func (r *Request) thinking(o *api.Object) {
	r.Think, r.Budget = o.Thinking()
	reasoning := o.Object("reasoning")
	if reasoning == nil || o.Failed() {
		return
	}
	if mode := reasoning.Effort("effort"); mode != "" {
		if r.Think != "" && r.Think != mode {
			o.Fail(api.Invalidf("reasoning.effort", "asks for the think mode %q, but another field asks for %q: leave one of them out", mode, r.Think))
		}
		r.Think, r.Echo.Effort = mode, reasoning.Text("effort")
	}
}

// withLogprobs is what include names to get the probabilities of tokens.
const withLogprobs = "message.output_text.logprobs"

// logprobs reads whether the probabilities of tokens are told.
func logprobs(o *api.Object) *int {
	top := o.Count("top_logprobs", 0, api.MaxTopLogprobs)
	switch {
	case slices.Contains(o.Texts("include", 64), withLogprobs):
		n := 0
		api.Set(&n, top)
		return &n
	case top != nil && *top > 0:
		return top
	}
	return nil
}

// echo reads what the response repeats.
func (r *Request) echo(o *api.Object) {
	e := &r.Echo
	e.User, e.Truncation, e.Parallel = o.Text("user"), o.Text("truncation"), o.Flag("parallel_tool_calls")
	if t := e.Truncation; t != nil && *t != "auto" && *t != "disabled" {
		o.Fail(api.Invalidf("truncation", "%s: want auto or disabled", excerpt.Of(*t)))
	}
	if o.Object("metadata"); !o.Failed() {
		e.Metadata = o.Value("metadata")
	}
	e.Tools, e.ToolChoice = o.Value("tools"), o.Value("tool_choice")
}

// form reads what the answer must look like.
func (r *Request) form(o *api.Object) {
	text := o.Object("text")
	if text == nil || o.Failed() {
		return
	}
	text.Text("verbosity")
	format := text.Object("format")
	if format == nil || o.Failed() {
		return
	}
	r.Echo.Format = text.Value("format")
	form := r.Form
	switch kind := format.Text("type"); {
	case kind == nil:
		o.Fail(api.Invalidf(format.Name("type"), "is missing"))
	case *kind == "text":
		return
	case *kind == "json_object":
		object := grammar.Object()
		r.Form = &object
	case *kind == "json_schema":
		r.Form = format.Schema()
	default:
		o.Fail(api.Invalidf(format.Name("type"), "%s: want text, json_object or json_schema", excerpt.Of(*kind)))
	}
	if form != nil {
		o.Fail(api.Invalidf("text.format", "cannot stand together with grammar, json_schema or response_format: leave one of them out"))
	}
}

// elsewhere refuses what stands for texts that are not in the request.
func elsewhere(o *api.Object) {
	if o.Value("conversation") != nil {
		o.Fail(api.Unsupportedf("conversation", "none is kept here: use previous_response_id"))
	}
	if o.Value("prompt") != nil {
		o.Fail(api.Unsupportedf("prompt", "none is kept here: send its text as instructions and input"))
	}
	for _, field := range []string{"context_management", "max_tool_calls", "moderation", "image", "access_programs", "personality"} {
		o.Value(field)
	}
}

// Messages returns the messages of a conversation with instructions in front.
func Messages(instructions string, items ...[]Item) []chat.Message {
	var all []chat.Message
	if instructions != "" {
		all = append(all, chat.Message{Role: chat.System, Text: instructions})
	}
	for _, list := range items {
		for _, i := range list {
			if m, ok := i.message(); ok {
				all = append(all, m)
			}
		}
	}
	return all
}
