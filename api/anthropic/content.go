package anthropic

import (
	"encoding/json"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// messages reads the system prompt and the messages. An empty list stands for a user who says nothing, as in llama.cpp.
func messages(o *api.Object) []chat.Message {
	var all []chat.Message
	if system := o.Value("system"); system != nil {
		all = append(all, chat.Message{Role: chat.System, Text: systemText(o)})
	}
	if value := o.Value("messages"); value == nil && !o.Failed() {
		o.Fail(api.Invalidf("messages", "is missing"))
	}
	list, each := o.List("messages", api.MaxMessages)
	for i, value := range list {
		if m := o.Element(each(i), value); !o.Failed() {
			all = append(all, message(m)...)
		}
	}
	if len(list) == 0 {
		all = append(all, chat.Message{Role: chat.User})
	}
	return all
}

// billing begins a block that some programs put before their system prompt. It differs in each request and tells the model nothing, so
// no prompt would begin as the one before it.
const billing = "x-anthropic-billing-header:"

// systemText returns the system prompt: a string, or blocks of text.
func systemText(o *api.Object) string {
	var texts []string
	for _, b := range blocks(o, "system") {
		if text := b.text(); !strings.HasPrefix(text, billing) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}

// block is a part of a message's content.
type block struct {
	*api.Object
	kind string
	said *string // of a content that is a string
}

// blocks reads a content: a string, or an array of blocks.
func blocks(o *api.Object, field string) (all []block) {
	value := o.Value(field)
	switch api.TypeOf(value) {
	case "null":
		return nil
	case "a string":
		return []block{{Object: o, kind: "text", said: o.Text(field)}}
	case "an array":
	default:
		o.Wrong(field, "a string or an array of blocks", value)
		return nil
	}
	list, each := o.List(field, api.MaxParts)
	for i, value := range list {
		b := block{Object: o.Element(each(i), value)}
		if o.Failed() {
			return nil
		}
		kind := b.Text("type")
		if kind == nil {
			o.Fail(api.Invalidf(b.Name("type"), "is missing"))
			return nil
		}
		b.kind = *kind
		all = append(all, b)
	}
	return all
}

// text returns the text of a block of text. Other blocks are errors.
func (b block) text() string {
	switch b.kind {
	case "text":
		if b.said != nil {
			return *b.said
		}
		return b.required("text")
	case "image", "document":
		b.Fail(api.Unsupportedf(strings.TrimSuffix(b.Name("type"), ".type"), "is a block of type %s, and this server reads text only", b.kind))
	default:
		b.Fail(api.Invalidf(b.Name("type"), "%s cannot stand here: want text", excerpt.Of(b.kind)))
	}
	return ""
}

// required returns a string that must be there.
func (b block) required(field string) string {
	text := b.Text(field)
	if text == nil {
		b.Fail(api.Invalidf(b.Name(field), "is missing"))
		return ""
	}
	return *text
}

// message reads a message. The results of function calls in a user's message become messages of their own.
func message(o *api.Object) []chat.Message {
	role := o.Text("role")
	switch {
	case o.Failed():
		return nil
	case role == nil:
		o.Fail(api.Invalidf(o.Name("role"), "is missing"))
		return nil
	case o.Value("content") == nil:
		o.Fail(api.Invalidf(o.Name("content"), "is missing"))
		return nil
	}
	switch *role {
	case "user":
		return userMessages(blocks(o, "content"))
	case "assistant":
		return []chat.Message{answer(blocks(o, "content"))}
	case "system":
		return []chat.Message{{Role: chat.System, Text: joined(blocks(o, "content"))}}
	}
	o.Fail(api.Invalidf(o.Name("role"), "%s: want user or assistant", excerpt.Of(*role)))
	return nil
}

// joined returns the texts of blocks, each on its own line.
func joined(all []block) string {
	texts := make([]string, len(all))
	for i, b := range all {
		texts[i] = b.text()
	}
	return strings.Join(texts, "\n")
}

// userMessages returns what a user's message says, in order.
func userMessages(all []block) (said []chat.Message) {
	if len(all) == 0 {
		return []chat.Message{{Role: chat.User}}
	}
	for i, b := range all {
		switch {
		case b.kind == "tool_result":
			said = append(said, chat.Message{Role: chat.Tool, Text: b.result()})
		case i > 0 && all[i-1].kind != "tool_result":
			said[len(said)-1].Text += "\n" + b.text()
		default:
			said = append(said, chat.Message{Role: chat.User, Text: b.text()})
		}
	}
	return said
}

// result returns what a function gave. A failure is told in words.
func (b block) result() string {
	b.required("tool_use_id")
	text := joined(blocks(b.Object, "content"))
	if b.Is("is_error") {
		return "Error: " + text
	}
	return text
}

// answer returns an earlier answer. Thoughts that a server has encrypted are left out, as all thoughts are left out of prompts.
func answer(all []block) chat.Message {
	m := chat.Message{Role: chat.Assistant}
	var texts []string
	for _, b := range all {
		switch b.kind {
		case "thinking":
			m.Thoughts += b.required("thinking")
		case "redacted_thinking":
		case "tool_use":
			texts = append(texts, b.call())
		default:
			texts = append(texts, b.text())
		}
	}
	m.Text = strings.Join(texts, "\n")
	return m
}

// call returns an earlier function call.
func (b block) call() string {
	name := b.required("name")
	input := b.Value("input")
	if input == nil {
		input = json.RawMessage("{}")
	} else {
		b.Object.Object("input")
	}
	if b.Failed() {
		return ""
	}
	return chat.WithCalls("", chat.Called{Name: name, Arguments: input})
}
