package responses

import (
	"slices"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// tools reads the functions that an answer may call. They have no inner object, in contrast to those of chats.
func tools(o *api.Object, c *api.Conversation) {
	list, each := o.List("tools", api.MaxTools)
	var names []string
	for i, value := range list {
		tool := o.Element(each(i), value)
		isFunction(tool)
		names = append(names, named(tool))
		tool.Object("parameters")
	}
	if choice := toolChoice(o); !o.Failed() {
		o.Offer(c, string(o.Value("tools")), names, choice)
	}
}

// isFunction refuses tools of other types.
func isFunction(o *api.Object) {
	if kind := o.Text("type"); kind != nil && *kind != "function" {
		o.Fail(api.Unsupportedf(o.Name("type"), `%s: want "function"`, excerpt.Of(*kind)))
	}
}

// named returns the name of a function.
func named(o *api.Object) string {
	name := required(o, "name")
	if name == "" {
		o.Fail(api.Invalidf(o.Name("name"), "is empty"))
	}
	return name
}

// toolChoice reads which function is called: a word, or an object with a name.
func toolChoice(o *api.Object) string {
	if api.TypeOf(o.Value("tool_choice")) == "an object" {
		choice := o.Object("tool_choice")
		isFunction(choice)
		return named(choice)
	}
	choice := "auto"
	if api.Set(&choice, o.Text("tool_choice")); !slices.Contains([]string{"auto", "none", "required"}, choice) {
		o.Fail(api.Invalidf("tool_choice", "%s: want none, auto, required or a function", excerpt.Of(choice)))
	}
	return choice
}
