package api

import (
	"slices"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// tools are functions that an answer may call.
type tools struct {
	field  string // that lists them; empty if there are none, or if none may be called
	names  []string
	choice string // "auto", "required" or the name of one
}

// tools reads the functions of a request, under their present names or the old ones.
func (o *Object) tools() (t tools) {
	for _, old := range []bool{false, true} {
		lists, chooses := "tools", "tool_choice"
		if old {
			lists, chooses = "functions", "function_call"
		}
		names := o.functions(lists, old)
		choice := o.toolChoice(chooses, old)
		switch {
		case choice == "none" || o.Failed():
			continue
		case len(names) == 0 && choice != "auto":
			o.Fail(Invalidf(chooses, "there are no %s to choose from", lists))
		case choice != "auto" && choice != "required" && !slices.Contains(names, choice):
			o.Fail(Invalidf(chooses, "%s is not in %s", excerpt.Of(choice), lists))
		case len(names) == 0:
		case t.field != "":
			o.Fail(Invalidf(lists, "cannot stand together with %s: leave one of them out", t.field))
		default:
			t = tools{lists, names, choice}
		}
	}
	return t
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

// noTools refuses functions, unless the request says that none may be called.
func (o *Object) noTools() {
	if t := o.tools(); t.field != "" {
		choice := map[string]string{"tools": "tool_choice", "functions": "function_call"}[t.field]
		o.Fail(Unsupportedf(t.field, `function calls are not supported: leave it out, or set %s to "none"`, choice))
	}
}
