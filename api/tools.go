package api

import (
	"slices"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Tools are functions that an answer may call.
type Tools struct {
	List   string // in a form of prompt.ParseTools; empty if none may be called
	Choice chat.Choice
	Name   string // of the only one that may be called; empty if all may
}

// tools reads the functions of a request. The old names are read only if they ask for nothing.
func (o *Object) tools(c *Conversation) {
	names, choice := o.functions("tools", false), o.toolChoice("tool_choice", false)
	o.Offer(c, string(o.Value("tools")), names, choice)
	names, choice = o.functions("functions", true), o.toolChoice("function_call", true)
	if o.offers("functions", names, "function_call", choice) {
		o.Fail(Unsupportedf("functions", "is an old name: use tools"))
	}
}

// Offer lets an answer in a conversation call functions. list is that of the field tools, in a form of prompt.ParseTools. choice is that of the
// field tool_choice: "none", "auto", "required", or the name of the function that is called.
func (o *Object) Offer(c *Conversation, list string, names []string, choice string) {
	if !o.offers("tools", names, "tool_choice", choice) {
		return
	}
	c.Tools = Tools{List: list, Choice: chat.Required}
	switch choice {
	case "auto":
		c.Tools.Choice = chat.Auto
	case "required":
	default:
		c.Tools.Name = choice
	}
	if last := len(c.Messages) - 1; c.Tools.Choice == chat.Required && c.Next == chat.Continue && last >= 0 && c.Messages[last].Role == chat.Assistant {
		o.Fail(Invalidf("tool_choice", "a call cannot be required while the last message is the assistant's, which is continued"))
	}
}

// offers reports whether an answer may call functions, and checks that a choice is one of them.
func (o *Object) offers(field string, names []string, chooses, choice string) bool {
	switch {
	case choice == "none" || o.Failed():
		return false
	case len(names) == 0 && choice != "auto":
		o.Fail(Invalidf(chooses, "there are no %s to choose from", field))
	case choice != "auto" && choice != "required" && !slices.Contains(names, choice):
		o.Fail(Invalidf(chooses, "%s is not in %s", excerpt.Of(choice), field))
	}
	return len(names) > 0
}

// functions reads the names of functions.
func (o *Object) functions(field string, old bool) (names []string) {
	list, each := o.List(field, MaxTools)
	for i, value := range list {
		tool := o.Element(each(i), value)
		function := tool
		if !old {
			function = tool.function()
		}
		if o.Failed() {
			return nil
		}
		name := function.Text("name")
		function.Object("parameters")
		if name == nil || *name == "" {
			o.Fail(Invalidf(function.Name("name"), "is missing"))
			return nil
		}
		names = append(names, *name)
	}
	return names
}

// function returns the function of a tool.
func (o *Object) function() *Object {
	if kind := o.Text("type"); kind != nil && *kind != "function" {
		o.Fail(Unsupportedf(o.Name("type"), `%s: want "function"`, excerpt.Of(*kind)))
	}
	function := o.Object("function")
	if function == nil {
		o.Fail(Invalidf(o.Name("function"), "is missing"))
	}
	return function
}

// toolChoice reads which function is called: a word, or an object with a name.
func (o *Object) toolChoice(field string, old bool) string {
	value := o.Value(field)
	if TypeOf(value) != "an object" {
		choice := "auto"
		if Set(&choice, o.Text(field)); !slices.Contains([]string{"auto", "none", "required"}, choice) {
			o.Fail(Invalidf(field, "%s: want none, auto, required or a function", excerpt.Of(choice)))
		}
		return choice
	}
	function := o.Object(field)
	if !old {
		function = function.function()
	}
	if o.Failed() {
		return ""
	}
	name := function.Text("name")
	if name == nil {
		o.Fail(Invalidf(function.Name("name"), "is missing"))
		return ""
	}
	return *name
}
