package api

import "github.com/gosling-rwkv/gosling/internal/excerpt"

// textOnly refuses answers in other forms than free text.
func (o *Object) textOnly() {
	for _, form := range o.Texts("modalities", 16) {
		if form != "text" {
			o.Fail(Unsupportedf("modalities", "%s: this server answers with text", excerpt.Of(form)))
		}
	}
	if o.Value("response_format") == nil {
		return
	}
	if form := o.Object("response_format").Text("type"); form != nil && *form != "text" {
		o.Fail(Unsupportedf("response_format", `%s is not supported: want {"type": "text"}, or leave it out`, excerpt.Of(*form)))
	}
}

// noTools refuses functions, unless the request says that none may be called.
func (o *Object) noTools() {
	for _, names := range [][2]string{{"tools", "tool_choice"}, {"functions", "function_call"}} {
		tools, choice := o.Value(names[0]), string(o.Value(names[1]))
		if asksFor(tools) && choice != `"none"` {
			o.Fail(Unsupportedf(names[0], `function calls are not supported: leave it out, or set %s to "none"`, names[1]))
		}
	}
}
