package responses

import (
	"encoding/json"
	"strings"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Item is a part of a conversation: a message, thoughts, a function call or its result.
type Item struct {
	Type    string    `json:"type"`
	ID      string    `json:"id,omitempty"`
	Status  Status    `json:"status,omitempty"`
	Role    string    `json:"role,omitempty"`    // of a message
	Content []Content `json:"content,omitzero"`  // of a message or of thoughts
	Summary []Content `json:"summary,omitzero"`  // of thoughts
	CallID  string    `json:"call_id,omitempty"` // of a function call and its result
	Name    string    `json:"name,omitempty"`    // of a function that is called

	Arguments *string `json:"arguments,omitempty"` // of a function call, as JSON
	Output    *string `json:"output,omitempty"`    // of a function
}

// The types of items.
const (
	typeMessage   = "message"
	typeReasoning = "reasoning"
	typeCall      = "function_call"
	typeResult    = "function_call_output"
)

// Content is a piece of text of an item.
type Content struct {
	Type        string          `json:"type"`
	Text        string          `json:"text"`
	Annotations []struct{}      `json:"annotations,omitzero"`
	Logprobs    json.RawMessage `json:"logprobs,omitempty"`
}

// The types of contents.
const (
	inputText     = "input_text"
	outputText    = "output_text"
	reasoningText = "reasoning_text"
)

// MaxItems is the most items of one request.
const MaxItems = api.MaxMessages

// input reads what a request adds to the conversation: a text of the user, or items.
func input(o *api.Object) []Item {
	switch value := o.Value("input"); api.TypeOf(value) {
	case "null":
		o.Fail(api.Invalidf("input", "is missing"))
	case "a string":
		return []Item{{Type: typeMessage, Role: "user", Status: Completed, Content: []Content{{Type: inputText, Text: *o.Text("input")}}}}
	case "an array":
		return items(o)
	default:
		o.Wrong("input", "a string or an array of items", value)
	}
	return nil
}

func items(o *api.Object) (all []Item) {
	list, each := o.List("input", MaxItems)
	if len(list) == 0 {
		o.Fail(api.Invalidf("input", "is empty"))
	}
	for i, value := range list {
		if inner := o.Element(each(i), value); !o.Failed() {
			all = append(all, item(inner))
		}
	}
	return all
}

// item reads an item.
func item(o *api.Object) Item {
	i := Item{Type: typeMessage, Status: Completed}
	if kind := o.Text("type"); kind != nil {
		i.Type = *kind
	} else if o.Value("role") == nil {
		o.Fail(api.Invalidf(o.Name("type"), "is missing"))
	}
	api.Set(&i.ID, o.Text("id"))
	switch i.Type {
	case typeMessage:
		i.Role = role(o)
		i.Content = contents(o, "content", i.Role)
	case typeReasoning:
		o.Value("summary")
		i.Summary, i.Content = []Content{}, []Content{}
		if o.Value("content") != nil {
			i.Content = contents(o, "content", typeReasoning)
		}
	case typeCall:
		i.CallID, i.Name = required(o, "call_id"), required(o, "name")
		arguments := required(o, "arguments")
		if i.Arguments = &arguments; !o.Failed() && !json.Valid([]byte(arguments)) {
			o.Fail(api.Invalidf(o.Name("arguments"), "not JSON"))
		}
	case typeResult:
		i.CallID = required(o, "call_id")
		output := joined(contents(o, "output", "user"))
		i.Output = &output
	default:
		o.Fail(api.Unsupportedf(o.Name("type"), "%s: want message, reasoning, function_call or function_call_output", excerpt.Of(i.Type)))
	}
	return i
}

// role reads who wrote a message.
func role(o *api.Object) string {
	name := required(o, "role")
	if role, err := chat.ParseRole(name); !o.Failed() && (err != nil || role == chat.Tool) {
		o.Fail(api.Invalidf(o.Name("role"), "%s: want user, system, developer or assistant", excerpt.Of(name)))
	}
	return name
}

// required returns a string that must be there.
func required(o *api.Object, field string) string {
	text := o.Text(field)
	if text == nil {
		o.Fail(api.Invalidf(o.Name(field), "is missing"))
		return ""
	}
	return *text
}

// contents reads the texts of an item: a string, or parts. by is who wrote them, which decides their type.
func contents(o *api.Object, field, by string) []Content {
	kind := map[string]string{"assistant": outputText, typeReasoning: reasoningText}[by]
	if kind == "" {
		kind = inputText
	}
	switch value := o.Value(field); api.TypeOf(value) {
	case "null":
		o.Fail(api.Invalidf(o.Name(field), "is missing"))
		return nil
	case "a string":
		return []Content{newContent(kind, *o.Text(field))}
	case "an array":
	default:
		o.Wrong(field, "a string or an array of parts", value)
		return nil
	}
	parts, each := o.List(field, api.MaxParts)
	all := []Content{}
	for i, value := range parts {
		if part := o.Element(each(i), value); !o.Failed() {
			all = append(all, newContent(kind, text(part)))
		}
	}
	return all
}

// newContent returns a text. The type of an answer's text has fields that clients read.
func newContent(kind, text string) Content {
	c := Content{Type: kind, Text: text}
	if kind == outputText {
		c.Annotations, c.Logprobs = []struct{}{}, json.RawMessage("[]")
	}
	return c
}

// text returns the text of a part.
func text(o *api.Object) string {
	kind := required(o, "type")
	switch kind {
	case inputText, outputText, reasoningText, "text":
		return required(o, "text")
	case "refusal":
		return required(o, "refusal")
	}
	if !o.Failed() {
		o.Fail(api.Unsupportedf(o.Name("type"), "%s: this server reads text only", excerpt.Of(kind)))
	}
	return ""
}

// joined returns the texts of contents, each on its own line.
func joined(all []Content) string {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.Text
	}
	return strings.Join(texts, "\n")
}

// message returns the message that an item is. Thoughts are none: no prompt has earlier ones.
func (i Item) message() (chat.Message, bool) {
	switch i.Type {
	case typeReasoning:
		return chat.Message{}, false
	case typeCall:
		return chat.Message{Role: chat.Assistant, Text: chat.WithCalls("", chat.Called{Name: i.Name, Arguments: json.RawMessage(*i.Arguments)})}, true
	case typeResult:
		return chat.Message{Role: chat.Tool, Text: *i.Output}, true
	}
	return chat.Message{Role: chat.Role(i.Role), Text: joined(i.Content)}, true
}

// prefixes are what ids of items begin with.
var prefixes = map[string]string{typeMessage: "msg_", typeReasoning: "rs_", typeCall: "fc_", typeResult: "fco_"}

// Identify gives an id to each item without one. newID returns an id that begins with a prefix.
func Identify(items []Item, newID func(prefix string) string) {
	for i := range items {
		if items[i].ID == "" {
			items[i].ID = newID(prefixes[items[i].Type])
		}
	}
}
