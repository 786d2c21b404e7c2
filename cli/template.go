package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/chat"
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
