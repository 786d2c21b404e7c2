package api

import (
	"slices"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Format returns the model's format with the conversation's think mode and functions. A mode that the model's template does not have is an
// *Error, and so are functions that cannot be offered.
func (c Conversation) Format(model chat.Format) (chat.Format, error) {
	if c.Think != "" {
		think, err := prompt.ParseThink(c.Think)
		if err != nil {
			return model, Invalidf("think", "%v", err)
		}
		if !model.Thinks && think.Start != "" {
			return model, Invalidf("think", "the model does not think: leave it out")
		}
		model.Think = think
	}
	if c.Tools.List == "" {
		return model, nil
	}
	if model.Verbatim {
		return model, Invalidf("tools", "the model's prompts have no place for functions: leave it out")
	}
	model, _, err := model.OfferTools(c.Tools.List, c.Tools.Choice)
	if err != nil {
		return model, Invalidf("tools", "%v", err)
	}
	if c.Tools.Name != "" {
		model.Tools = slices.DeleteFunc(model.Tools, func(t prompt.Tool) bool { return t.Name != c.Tools.Name })
	}
	return model, nil
}

// efforts are the think modes that OpenAI's names stand for.
var efforts = map[string]string{"none": "off", "minimal": "fast", "low": "low", "medium": "on", "high": "high", "xhigh": "high", "max": "high"}

// Effort reads a field with one of OpenAI's names for how much a model thinks, and returns the think mode. It is empty without the field.
func (o *Object) Effort(field string) (mode string) {
	effort := o.Text(field)
	if effort == nil {
		return ""
	}
	if mode = efforts[*effort]; mode == "" {
		o.Fail(Invalidf(o.Name(field), "%s: want none, minimal, low, medium or high", excerpt.Of(*effort)))
	}
	return mode
}

// Thinking reads the think mode and the most tokens of thoughts, which have several names in dialects that do not say how a model thinks.
func (o *Object) Thinking() (mode string, budget *int) {
	return o.think(), o.Limit("think_budget", "reasoning_budget", "reasoning_budget_tokens", "thinking_token_budget")
}

// think reads the think mode.
func (o *Object) think() string {
	mode, from := "", ""
	choose := func(field, name string) {
		if mode != "" && mode != name {
			o.Fail(Invalidf(field, "asks for the think mode %q, but %s asks for %q: leave one of them out", name, from, mode))
		}
		mode, from = name, field
	}
	onOff := map[bool]string{true: "on", false: "off"}
	switch value := o.Value("think"); TypeOf(value) {
	case "null":
	case "a boolean":
		choose("think", onOff[o.Is("think")])
	default:
		if name := o.Text("think"); name != nil {
			if _, err := prompt.ParseThink(*name); err != nil {
				o.Fail(Invalidf("think", "%v", excerpt.Error(err)))
			}
			choose("think", *name)
		}
	}
	if effort := o.Effort("reasoning_effort"); effort != "" {
		choose("reasoning_effort", effort)
	}
	if o.Value("chat_template_kwargs") != nil {
		if thinking := o.Object("chat_template_kwargs").Flag("enable_thinking"); thinking != nil {
			choose("chat_template_kwargs.enable_thinking", onOff[*thinking])
		}
	}
	return mode
}
