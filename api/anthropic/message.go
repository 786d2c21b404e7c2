package anthropic

import (
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// MessageRequest is a request for a message.
type MessageRequest struct {
	api.Options
	api.Conversation
	HideThoughts bool // the response has the thoughts' signature without their text
}

// DecodeMessage reads a request for a message, or one that only counts its tokens. Its errors are of type *api.Error.
func DecodeMessage(body []byte) (*MessageRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	r := &MessageRequest{Options: o.Options()}
	if r.Choices > 1 {
		o.Fail(api.Invalidf("n", "a message has one answer"))
	}
	r.Limit = o.Limit("max_tokens")
	r.Stop = append(r.Stop, o.Stops("stop_sequences")...)
	if len(r.Stop) > api.MaxStops {
		o.Fail(api.Invalidf("stop_sequences", "has %d elements together with stop, %d are the most", len(r.Stop), api.MaxStops))
	}
	r.Messages = messages(o)
	r.Think, r.Budget = o.Thinking()
	r.thinking(o)
	outputConfig(o, r)
	noTools(o)
	for _, field := range harmless {
		o.Value(field)
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// harmless lists fields that change no text: where a message is computed, and what is kept in a cache, which needs no hints here.
var harmless = []string{"cache_control", "inference_geo", "betas", "anthropic_version", "anthropic_beta"}

// thinking reads whether the model thinks, and for how long.
func (r *MessageRequest) thinking(o *api.Object) {
	thinking := o.Object("thinking")
	if thinking == nil || o.Failed() {
		return
	}
	kind := thinking.Text("type")
	switch {
	case kind == nil:
		o.Fail(api.Invalidf(thinking.Name("type"), "is missing"))
		return
	case *kind == "disabled":
		r.Think = "off"
	case *kind == "enabled":
		r.Think = "on"
		r.Budget = thinking.Count("budget_tokens", 1, math.MaxInt32)
	case *kind == "adaptive":
		r.Think = "on"
	default:
		o.Fail(api.Invalidf(thinking.Name("type"), "%s: want disabled, enabled or adaptive", excerpt.Of(*kind)))
	}
	if display := thinking.Text("display"); display != nil {
		if r.HideThoughts = *display == "omitted"; !r.HideThoughts && *display != "summarized" {
			o.Fail(api.Invalidf(thinking.Name("display"), "%s: want summarized or omitted", excerpt.Of(*display)))
		}
	}
}

// outputConfig reads how much effort an answer is worth, and its form.
func outputConfig(o *api.Object, r *MessageRequest) {
	config := o.Object("output_config")
	if config == nil || o.Failed() {
		return
	}
	// Effort is about all of an answer. It only sets how long the model thinks, if it thinks.
	if effort := config.Effort("effort"); effort != "" && r.Think == "on" {
		r.Think = effort
	}
	if format := config.Object("format"); format != nil && !o.Failed() {
		o.Fail(api.Unsupportedf(config.Name("format"), "texts cannot be constrained: leave it out"))
	}
}

// noTools refuses functions, unless the request says that none may be called.
func noTools(o *api.Object) {
	tools, _ := o.List("tools", api.MaxTools)
	choice := o.Object("tool_choice")
	if o.Failed() {
		return
	}
	kind := "auto"
	if choice != nil {
		api.Set(&kind, choice.Text("type"))
	}
	switch {
	case !slices.Contains([]string{"auto", "any", "tool", "none"}, kind):
		o.Fail(api.Invalidf("tool_choice.type", "%s: want auto, any, tool or none", excerpt.Of(kind)))
	case kind != "none" && len(tools) > 0:
		o.Fail(api.Unsupportedf("tools", `function calls are not supported: leave it out, or set tool_choice to {"type": "none"}`))
	}
}
