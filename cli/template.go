package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/prompt"
)

// templateFlags returns the flags that choose the prompt's format.
func templateFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{Name: "template", Usage: "format the prompt with template `NAME`: auto (the model's own), qa, question, instruction, g1, raven, raven-instruction, pile, pile-text, chatml, abc, midi or raw"},
		&urfave.StringFlag{Name: "system", Usage: "begin with the system prompt `TEXT`"},
		&urfave.StringFlag{Name: "think", Usage: "let a G1 model think first: `MODE` off, fast or empty (no thoughts), on, or low, medium or high for how long", Value: "off"},
		&urfave.PathFlag{Name: "tools", Usage: "let a G1 model call one of the functions in `FILE`: a JSON array (also OpenAI's), or one function per line; with --think it thinks first and may answer in words"},
	}
}

// formatFlags checks and returns what the flags say about the format without knowing the model.
func formatFlags(c *urfave.Context) (f chat.Format, err error) {
	if name := c.String("template"); name != "" && name != "auto" {
		if f.Template, err = prompt.Named(name); err != nil {
			return f, misuse(c, "--template: %v", err)
		}
	}
	if f.Think, err = prompt.ParseThink(c.String("think")); err != nil {
		return f, misuse(c, "--think: %v", err)
	}
	f.System = argumentText(c, c.String("system"))
	if !c.IsSet("tools") {
		return f, nil
	}
	list, err := readText(c, c.Path("tools"), toolsLimit)
	if err != nil {
		return f, err
	}
	f, from, err := f.OfferTools(string(list), chat.Trained)
	if err != nil {
		return f, fmt.Errorf("%s: %w", textName(c.Path("tools")), err)
	}
	if from != "" {
		note(c, "%s: %s list of tools, converted to the form that G1 was trained on", textName(c.Path("tools")), from)
	}
	return f, nil
}

// settle sets the template if the flags name none, and checks that the other flags fit it.
func settle(c *urfave.Context, f *chat.Format, fallback prompt.Template) error {
	if f.Name == "" {
		f.Template = fallback
		if f.Calls || f.Think.Start != "" {
			f.Template, _ = prompt.Named("g1")
		}
	}
	switch {
	case f.Verbatim && f.System != "":
		return misuse(c, "--system: template %s has no place for it", f.Name)
	case !f.Thinks && (f.Calls || f.Think.Start != ""):
		return misuse(c, "--think and --tools are for template g1, not %s", f.Name)
	}
	return nil
}

// formFlags returns the flags that say what an answer must look like.
func formFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.PathFlag{Name: "json-schema", Usage: "answer with JSON that is valid by the JSON Schema in `FILE`; behind thoughts, if the model thinks"},
		&urfave.PathFlag{Name: "grammar", Usage: "answer with a text of the grammar in `FILE`, in GBNF, llama.cpp's notation"},
	}
}

// form returns what the flags say that an answer must look like, or nil.
func form(c *urfave.Context) (*grammar.Part, error) {
	if c.IsSet("json-schema") && c.IsSet("grammar") {
		return nil, misuse(c, "--json-schema and --grammar both say what the answer looks like: leave one of them out")
	}
	name, read := "json-schema", grammar.Schema
	if c.IsSet("grammar") {
		name, read = "grammar", grammar.GBNF
	}
	if !c.IsSet(name) {
		return nil, nil
	}
	source, err := readText(c, c.Path(name), grammarLimit)
	if err != nil {
		return nil, err
	}
	p := read(string(source)).At(textName(c.Path(name)))
	_, err = grammar.New(p) // before a model is loaded
	return &p, err
}

// formed reports whether all of an answer has a form.
func formed(c *urfave.Context) bool { return c.IsSet("json-schema") || c.IsSet("grammar") }
