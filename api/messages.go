package api

import (
	"encoding/json"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Conversation is messages and how the model goes on after them.
type Conversation struct {
	Messages []chat.Message // at least one
	Next     chat.Next
	Think    string // a mode of prompt.ParseThink; empty follows the server
	Budget   *int   // the most tokens of the thoughts, which then end; nil is no limit
	Tools    Tools
}

// Conversation reads the fields about messages in OpenAI's form.
func (o *Object) Conversation() Conversation {
	c := Conversation{Messages: o.messages()}
	c.Think, c.Budget = o.Thinking()
	c.Next = o.next(c.Messages)
	o.textOnly()
	o.tools(&c)
	return c
}

func (o *Object) messages() []chat.Message {
	list, each := o.List("messages", MaxMessages)
	if len(list) == 0 {
		o.Fail(Invalidf("messages", "want an array of at least one message"))
	}
	var messages []chat.Message
	for i, value := range list {
		if m := o.Element(each(i), value); !o.Failed() {
			messages = append(messages, m.message())
		}
	}
	return messages
}

// message reads a message.
func (o *Object) message() (m chat.Message) {
	name := o.Text("role")
	if name == nil {
		o.Fail(Invalidf(o.Name("role"), "is missing"))
		return m
	}
	if *name == "function" { // the old name
		*name = string(chat.Tool)
	}
	role, err := chat.ParseRole(*name)
	if err != nil {
		o.Fail(Invalidf(o.Name("role"), "%s: want system, developer, user, assistant or tool", excerpt.Of(*name)))
		return m
	}
	m.Role = role
	text, present := o.content()
	m.Text = text
	if role == chat.Assistant {
		present = o.answer(&m) || present
	}
	if !present {
		o.Fail(Invalidf(o.Name("content"), "is missing"))
	}
	return m
}

// answer reads what only an assistant's message has: thoughts and function calls. It reports whether there was any.
func (o *Object) answer(m *chat.Message) (present bool) {
	for _, field := range []string{"reasoning", "reasoning_content"} {
		if thoughts := o.Text(field); thoughts != nil {
			m.Thoughts, present = *thoughts, true
		}
	}
	if asksFor(o.Value("audio")) {
		o.Fail(Unsupportedf(o.Name("audio"), "this server reads text only"))
	}
	var called []chat.Called
	calls, each := o.List("tool_calls", MaxCalls)
	for i, value := range calls {
		if call := o.Element(each(i), value); !o.Failed() {
			called = append(called, call.call(call.Object("function"), each(i)+".function"))
		}
	}
	if o.Value("function_call") != nil { // the old name
		called = append(called, o.call(o.Object("function_call"), o.Name("function_call")))
	}
	if !o.Failed() {
		m.Text = chat.WithCalls(m.Text, called...)
	}
	return present || len(called) > 0
}

// call returns an earlier function call.
func (o *Object) call(function *Object, path string) (c chat.Called) {
	if !o.Failed() && function == nil {
		o.Fail(Invalidf(path, "is missing"))
	}
	if o.Failed() {
		return c
	}
	name, arguments := function.Text("name"), function.Text("arguments")
	switch {
	case o.Failed():
	case name == nil || arguments == nil:
		o.Fail(Invalidf(path, "want a name and arguments"))
	case !json.Valid([]byte(*arguments)):
		o.Fail(Invalidf(path+".arguments", "not JSON"))
	default:
		c = chat.Called{Name: *name, Arguments: json.RawMessage(*arguments)}
	}
	return c
}

// content reads the text of a message: a string, or parts of type text, which are joined with line ends.
func (o *Object) content() (text string, present bool) {
	value := o.Value("content")
	switch TypeOf(value) {
	case "null":
		return "", false
	case "a string":
		return *o.Text("content"), true
	case "an array":
	default:
		o.Wrong("content", "a string or an array of parts", value)
		return "", true
	}
	parts, each := o.List("content", MaxParts)
	texts := make([]string, 0, len(parts))
	for i, value := range parts {
		if part := o.Element(each(i), value); !o.Failed() {
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
func (o *Object) part() string {
	name := o.Text("type")
	if name == nil {
		o.Fail(Invalidf(o.Name("type"), "is missing"))
		return ""
	}
	field := "text"
	switch what, known := media[*name]; {
	case known:
		o.Fail(Unsupportedf(o.path, "is %s, and this server reads text only", what))
		return ""
	case *name == "refusal":
		field = "refusal"
	case *name != "text":
		o.Fail(Invalidf(o.Name("type"), `%s: want "text"`, excerpt.Of(*name)))
		return ""
	}
	text := o.Text(field)
	if text == nil {
		o.Fail(Invalidf(o.Name(field), "is missing"))
		return ""
	}
	return *text
}

// next reads what the model does after an assistant's message at the end.
func (o *Object) next(messages []chat.Message) chat.Next {
	continues, generates := o.Flag("continue_final_message"), o.Flag("add_generation_prompt")
	last := len(messages) - 1
	byAssistant := last >= 0 && messages[last].Role == chat.Assistant
	switch {
	case continues != nil && *continues && generates != nil && *generates:
		o.Fail(Invalidf("continue_final_message", "cannot be true together with add_generation_prompt"))
	case continues != nil && *continues && !byAssistant:
		o.Fail(Invalidf("continue_final_message", "the last message is not the assistant's"))
	case continues != nil && !*continues:
		return chat.Reply
	case generates != nil && !*generates && !byAssistant:
		o.Fail(Unsupportedf("add_generation_prompt", "false is only supported if the last message is the assistant's"))
	case byAssistant && last > 0 && messages[last-1].Role == chat.Assistant:
		o.Fail(Invalidf("messages", "the last two are the assistant's: join them, so that it is clear what is to be continued"))
	}
	return chat.Continue
}
