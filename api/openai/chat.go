package openai

import (
	"encoding/json"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/prompt"
)

// ChatRequest is a request for chat completions.
type ChatRequest struct {
	Options
	Messages []chat.Message // at least one
	Next     chat.Next
	Think    string // a mode of prompt.ParseThink; empty follows the server
}

// DecodeChat reads a request for chat completions. Its errors are of type *Error.
func DecodeChat(body []byte) (*ChatRequest, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	r := &ChatRequest{Options: o.options(), Messages: o.messages(), Think: o.think()}
	r.Limit = o.limit("max_completion_tokens", "max_tokens", "n_predict")
	r.Logprobs = o.chatLogprobs()
	r.Next = o.next(r.Messages)
	o.textOnly()
	o.noTools()
	ignored, failed := o.finish()
	if failed != nil {
		return nil, failed
	}
	r.Ignored = ignored
	return r, nil
}

// Format returns the model's format with the request's think mode. A mode that the model's template does not have is an *Error.
func (r *ChatRequest) Format(model chat.Format) (chat.Format, error) {
	if r.Think == "" {
		return model, nil
	}
	think, err := prompt.ParseThink(r.Think)
	if err != nil {
		return model, invalid("think", "%v", err)
	}
	if !model.Thinks && think.Start != "" {
		return model, invalid("think", "the model does not think: leave it out")
	}
	model.Think = think
	return model, nil
}

func (o *object) messages() []chat.Message {
	list, each := o.list("messages", MaxMessages)
	if len(list) == 0 {
		o.fail(invalid("messages", "want an array of at least one message"))
	}
	var messages []chat.Message
	for i, value := range list {
		if m := o.element(each(i), value); *o.err == nil {
			messages = append(messages, m.message())
		}
	}
	return messages
}

// message reads a message.
func (o *object) message() (m chat.Message) {
	name := o.text("role")
	if name == nil {
		o.fail(invalid(o.name("role"), "is missing"))
		return m
	}
	if *name == "function" { // the old name
		*name = string(chat.Tool)
	}
	role, err := chat.ParseRole(*name)
	if err != nil {
		o.fail(invalid(o.name("role"), "%s: want system, developer, user, assistant or tool", excerpt.Of(*name)))
		return m
	}
	m.Role = role
	text, present := o.content()
	m.Text = text
	if role == chat.Assistant {
		present = o.answer(&m) || present
	}
	if !present {
		o.fail(invalid(o.name("content"), "is missing"))
	}
	return m
}

// answer reads what only an assistant's message has: thoughts and function calls. It reports whether there was any.
func (o *object) answer(m *chat.Message) (present bool) {
	for _, field := range []string{"reasoning", "reasoning_content"} {
		if thoughts := o.text(field); thoughts != nil {
			m.Thoughts, present = *thoughts, true
		}
	}
	if asksFor(o.value("audio")) {
		o.fail(unsupported(o.name("audio"), "this server reads text only"))
	}
	texts := []string{m.Text}
	calls, each := o.list("tool_calls", MaxCalls)
	for i, value := range calls {
		if call := o.element(each(i), value); *o.err == nil {
			texts = append(texts, o.call(call.object("function"), each(i)+".function"))
		}
	}
	if o.value("function_call") != nil { // the old name
		texts = append(texts, o.call(o.object("function_call"), o.name("function_call")))
	}
	m.Text = strings.TrimPrefix(strings.Join(texts, "\n"), "\n")
	return present || len(texts) > 1
}

// call returns an earlier function call as the message's text has it, in the form that models were trained on.
func (o *object) call(function *object, path string) string {
	if *o.err == nil && function == nil {
		o.fail(invalid(path, "is missing"))
	}
	if *o.err != nil {
		return ""
	}
	name, arguments := function.text("name"), function.text("arguments")
	switch {
	case *o.err != nil:
		return ""
	case name == nil || arguments == nil:
		o.fail(invalid(path, "want a name and arguments"))
		return ""
	case !json.Valid([]byte(*arguments)):
		o.fail(invalid(path+".arguments", "not JSON"))
		return ""
	}
	text, err := jsontext.Marshal(struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}{*name, json.RawMessage(*arguments)})
	if err != nil {
		o.fail(invalid(path, "%v", err))
	}
	return chat.Fenced(string(text))
}

// content reads the text of a message: a string, or parts of type text, which are joined with line ends.
func (o *object) content() (text string, present bool) {
	value := o.value("content")
	switch kind(value) {
	case "null":
		return "", false
	case "a string":
		return *o.text("content"), true
	case "an array":
	default:
		o.wrong("content", "a string or an array of parts", value)
		return "", true
	}
	parts, each := o.list("content", MaxParts)
	texts := make([]string, 0, len(parts))
	for i, value := range parts {
		if part := o.element(each(i), value); *o.err == nil {
			texts = append(texts, part.part())
		}
	}
	return strings.Join(texts, "\n"), true
}

// media names the types of parts that are known and cannot be read.
var media = map[string]string{
	"image_url": "an image", "input_image": "an image", "image": "an image", "input_audio": "audio", "audio_url": "audio",
	"video_url": "a video", "input_video": "a video", "file": "a file", "input_file": "a file",
}

// part reads a part of a message's content.
func (o *object) part() string {
	name := o.text("type")
	if name == nil {
		o.fail(invalid(o.name("type"), "is missing"))
		return ""
	}
	field := "text"
	switch what, known := media[*name]; {
	case known:
		o.fail(unsupported(o.path, "is %s, and this server reads text only", what))
		return ""
	case *name == "refusal":
		field = "refusal"
	case *name != "text":
		o.fail(invalid(o.name("type"), `%s: want "text"`, excerpt.Of(*name)))
		return ""
	}
	text := o.text(field)
	if text == nil {
		o.fail(invalid(o.name(field), "is missing"))
		return ""
	}
	return *text
}

// next reads what the model does after an assistant's message at the end.
func (o *object) next(messages []chat.Message) chat.Next {
	continues, generates := o.flag("continue_final_message"), o.flag("add_generation_prompt")
	last := len(messages) - 1
	byAssistant := last >= 0 && messages[last].Role == chat.Assistant
	switch {
	case continues != nil && *continues && generates != nil && *generates:
		o.fail(invalid("continue_final_message", "cannot be true together with add_generation_prompt"))
	case continues != nil && *continues && !byAssistant:
		o.fail(invalid("continue_final_message", "the last message is not the assistant's"))
	case continues != nil && !*continues:
		return chat.Reply
	case generates != nil && !*generates && !byAssistant:
		o.fail(unsupported("add_generation_prompt", "false is only supported if the last message is the assistant's"))
	case byAssistant && last > 0 && messages[last-1].Role == chat.Assistant:
		o.fail(invalid("messages", "the last two are the assistant's: join them, so that it is clear what is to be continued"))
	}
	return chat.Continue
}

// efforts are the think modes that OpenAI's names stand for.
var efforts = map[string]string{"none": "off", "minimal": "fast", "low": "low", "medium": "on", "high": "high", "xhigh": "high", "max": "high"}

// think reads the think mode, which has several names.
func (o *object) think() string {
	mode, from := "", ""
	choose := func(field, name string) {
		if mode != "" && mode != name {
			o.fail(invalid(field, "asks for the think mode %q, but %s asks for %q: leave one of them out", name, from, mode))
		}
		mode, from = name, field
	}
	onOff := map[bool]string{true: "on", false: "off"}
	switch value := o.value("think"); kind(value) {
	case "null":
	case "a boolean":
		choose("think", onOff[o.is("think")])
	default:
		if name := o.text("think"); name != nil {
			if _, err := prompt.ParseThink(*name); err != nil {
				o.fail(invalid("think", "%v", excerpt.Error(err)))
			}
			choose("think", *name)
		}
	}
	if effort := o.text("reasoning_effort"); effort != nil {
		if efforts[*effort] == "" {
			o.fail(invalid("reasoning_effort", "%s: want none, minimal, low, medium or high", excerpt.Of(*effort)))
		}
		choose("reasoning_effort", efforts[*effort])
	}
	if o.value("chat_template_kwargs") != nil {
		if thinking := o.object("chat_template_kwargs").flag("enable_thinking"); thinking != nil {
			choose("chat_template_kwargs.enable_thinking", onOff[*thinking])
		}
	}
	return mode
}

func (o *object) chatLogprobs() *int {
	top := o.count("top_logprobs", 0, MaxTopLogprobs)
	if !o.is("logprobs") {
		if top != nil && *top > 0 {
			o.fail(invalid("top_logprobs", "needs logprobs to be true"))
		}
		return nil
	}
	if top == nil {
		return new(int)
	}
	return top
}

// textOnly refuses answers in other forms than free text.
func (o *object) textOnly() {
	for _, form := range o.texts("modalities", 16) {
		if form != "text" {
			o.fail(unsupported("modalities", "%s: this server answers with text", excerpt.Of(form)))
		}
	}
	if o.value("response_format") == nil {
		return
	}
	if form := o.object("response_format").text("type"); form != nil && *form != "text" {
		o.fail(unsupported("response_format", `%s is not supported: want {"type": "text"}, or leave it out`, excerpt.Of(*form)))
	}
}

// noTools refuses functions, unless the request says that none may be called.
func (o *object) noTools() {
	for _, names := range [][2]string{{"tools", "tool_choice"}, {"functions", "function_call"}} {
		tools, choice := o.value(names[0]), string(o.value(names[1]))
		if asksFor(tools) && choice != `"none"` {
			o.fail(unsupported(names[0], `function calls are not supported: leave it out, or set %s to "none"`, names[1]))
		}
	}
}
