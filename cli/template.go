package cli

import (
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// templateFlags say how a prompt is written.
func templateFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{Name: "template", Usage: "write the prompt as `NAME` says: auto (the model's own), qa, question, instruction, g1, raven, raven-instruction, pile, pile-text, chatml, abc, midi or raw"},
		&urfave.StringFlag{Name: "system", Usage: "begin with the system's `TEXT`"},
		&urfave.StringFlag{Name: "think", Usage: "let a G1 model think first: `MODE` off, fast or empty (thoughts that are over already), on, or low, medium or high for how long", Value: "off"},
		&urfave.PathFlag{Name: "tools", Usage: "let a G1 model call one of the functions in `FILE`, a JSON array (OpenAI's list too) or one on each line; with --think it thinks first, and may answer in words"},
	}
}

// wording is how a command writes its prompts.
type wording struct {
	prompt.Template
	system string
	think  prompt.Think
	calls  bool // functions are offered
}

// start is how an answer begins. Where functions are offered and there are no thoughts, which may lead to a call or to words, it
// is a call.
func (w *wording) start() prompt.Think {
	if w.calls && w.think.Start == "" {
		return prompt.Think{Start: prompt.CallStart}
	}
	return w.think
}

// forcesCall reports whether an answer that begins so is a function call.
func forcesCall(start prompt.Think) bool { return start.Start == prompt.CallStart }

// endOfCall adds the end of a call to the stop strings of an answer that is one.
func endOfCall(stops []string, start prompt.Think) []string {
	if forcesCall(start) {
		return append(slices.Clip(stops), prompt.CallEnd)
	}
	return stops
}

// wordingFlags checks what can be told without the model.
func wordingFlags(c *urfave.Context) (w wording, err error) {
	if name := c.String("template"); name != "" && name != "auto" {
		if w.Template, err = prompt.Named(name); err != nil {
			return w, misuse(c, "--template: %v", err)
		}
	}
	if w.think, err = prompt.ParseThink(c.String("think")); err != nil {
		return w, misuse(c, "--think: %v", err)
	}
	w.system = argumentText(c, c.String("system"))
	if !c.IsSet("tools") {
		return w, nil
	}
	list, err := readText(c, c.Path("tools"), toolsLimit)
	if err != nil {
		return w, err
	}
	tools, from, err := prompt.Tools(string(list))
	if err != nil {
		return w, fmt.Errorf("%s: %w", textName(c.Path("tools")), err)
	}
	if from != "" {
		note(c, "%s: %s list of tools, given to the model in the form that G1 was trained on", textName(c.Path("tools")), from)
	}
	w.system, w.calls = strings.TrimSpace(w.system+"\n"+tools), true
	return w, nil
}

// settle finds the template, if the flags name none, and checks that the other flags go with it.
func (w *wording) settle(c *urfave.Context, m *lm.Model, fallback prompt.Template) error {
	if w.Name == "" {
		w.Template = fallback
		if w.calls || w.think.Start != "" {
			w.Template, _ = prompt.Named("g1")
		}
	}
	switch {
	case w.Verbatim && w.system != "":
		return misuse(c, "--system: template %s has no place for it", w.Name)
	case !w.Thinks && (w.calls || w.think.Start != ""):
		return misuse(c, "--think and --tools are for template g1, not %s", w.Name)
	}
	if m.Vocab() == prompt.ByteRows {
		w.Sampling = w.Sampling.Letters()
	}
	return nil
}

// tokenList turns a template's token numbers into tokens.
func tokenList(ids []int32) []tokenizer.Token {
	var tokens []tokenizer.Token
	for _, id := range ids {
		tokens = append(tokens, tokenizer.Token(id))
	}
	return tokens
}
