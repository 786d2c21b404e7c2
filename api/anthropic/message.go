package anthropic

import (
	"encoding/json"
	"math"

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
	tools(o, &r.Conversation)
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
		form(o, r, format)
	}
}

// form reads what an answer must look like.
func form(o *api.Object, r *MessageRequest, format *api.Object) {
	switch kind := format.Text("type"); {
	case kind == nil:
		o.Fail(api.Invalidf(format.Name("type"), "is missing"))
	case *kind != "json_schema":
		o.Fail(api.Invalidf(format.Name("type"), "%s: want json_schema", excerpt.Of(*kind)))
	case r.Form != nil:
		o.Fail(api.Invalidf(format.Name("type"), "cannot stand together with grammar, json_schema or response_format: leave one of them out"))
	default:
		r.Form = format.Schema()
	}
}

// tool is a function, without the fields that tell how it is kept in a cache.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"input_schema,omitempty"`
}

// tools reads the functions that an answer may call.
func tools(o *api.Object, c *api.Conversation) {
	list, each := o.List("tools", api.MaxTools)
	offered, names := []tool{}, []string{}
	for i, value := range list {
		inner := o.Element(each(i), value)
		if kind := inner.Text("type"); kind != nil && *kind != "custom" {
			o.Fail(api.Unsupportedf(inner.Name("type"), "%s: this server has no functions of its own", excerpt.Of(*kind)))
		}
		var t tool
		api.Set(&t.Name, inner.Text("name"))
		api.Set(&t.Description, inner.Text("description"))
		if t.Name == "" {
			o.Fail(api.Invalidf(inner.Name("name"), "is missing"))
		}
		if t.Schema = inner.Value("input_schema"); inner.Object("input_schema") == nil {
			o.Fail(api.Invalidf(inner.Name("input_schema"), "is missing"))
		}
		offered, names = append(offered, t), append(names, t.Name)
	}
	if choice := toolChoice(o); !o.Failed() {
		o.Offer(c, string(api.Encode(offered)), names, choice)
	}
}

// toolChoice reads which function is called, and returns what api.Object.Offer calls it. There is one call in an answer, so parallel ones
// need not be forbidden.
func toolChoice(o *api.Object) string {
	choice := o.Object("tool_choice")
	if choice == nil || o.Failed() {
		return "auto"
	}
	kind, name := choice.Text("type"), choice.Text("name")
	choice.Flag("disable_parallel_tool_use")
	switch {
	case kind == nil:
		o.Fail(api.Invalidf("tool_choice.type", "is missing"))
	case *kind == "auto" || *kind == "none":
		return *kind
	case *kind == "any":
		return "required"
	case *kind != "tool":
		o.Fail(api.Invalidf("tool_choice.type", "%s: want auto, any, tool or none", excerpt.Of(*kind)))
	case name == nil:
		o.Fail(api.Invalidf("tool_choice.name", "is missing"))
	default:
		return *name
	}
	return ""
}
