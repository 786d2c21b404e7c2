package cli

import (
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// runLimit is the default of --n-predict in run: room for a long answer, and an end for a model that never stops.
const runLimit = 512

func runCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the prompt from `FILE`, without its last line end; - is standard input"},
		&urfave.StringFlag{Name: "tokens", Usage: "use token `IDS` as the prompt, separated by commas"},
		&urfave.StringFlag{Name: "input", Usage: "`TEXT` that the instruction refers to, for templates instruction and raven-instruction"},
		&urfave.BoolFlag{Name: "bos", Usage: "put the token that separates documents, 0 in most models, before the prompt", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "echo", Usage: "print the prompt too", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "ids", Usage: "print token ids instead of text", DisableDefaultText: true},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "also write the music to `FILE`: a .mid file for a MIDI model, otherwise text such as .abc; - is standard output"},
		forceFlag(), escapeFlag(),
	}
	return &urfave.Command{
		Name: "run", Usage: "continue a prompt", ArgsUsage: "MODEL [PROMPT|-]",
		Description: `Prints how the model continues a prompt, as the text is generated. The prompt is the argument, with \n and other escapes
resolved, or comes from --file or standard input. It is used unchanged unless --template formats it. A music model also
gets the token that its pieces begin with. --template auto selects the format that the model was trained on. --system,
--think and --tools imply it, and --input implies template instruction. If a prompt is given and standard input is a pipe
or a file, its text follows the prompt on a new line. The text ends where the model ends it, at a stop string of the
template or --stop, or after --n-predict tokens. A model without a tokenizer needs --tokens and --ids.

Examples:
  gosling run model.gguf "User: What is a goose?\n\nAssistant:"
  gosling run model.gguf --template qa "What is a goose?"
  gosling run model.gguf --template instruction --input "Gänse ziehen." "Translate into English."
  gosling run g1.gguf --think fast --system "Be brief." "What is a goose?"
  gosling run g1.gguf --tools tools.json "What is the weather in Basel?"
  gosling run g1.gguf --template g1 --json-schema person.json "Who wrote Faust?"
  gosling run midi.gguf --template midi --output song.mid ""
  gosling run model.gguf --file story.txt --temp 0.6 --top-p 0.7 -n 1000 --stop "THE END"
  gosling run -m model.gguf -p "The goose" -n 5 --ban goose
  echo "The goose" | gosling run model.gguf --temp 0
  cat notes.txt | gosling run model.gguf --template auto "Sum this up:"`,
		Flags:  slices.Concat(flags, templateFlags(), formFlags(), samplingFlags(runLimit), stateFlags(), modelFlags()),
		Action: run,
	}
}

func run(c *urfave.Context) error {
	f, err := runFormat(c)
	if err != nil {
		return err
	}
	like, err := form(c)
	if err != nil {
		return err
	}
	read, err := promptSource(c)
	if err != nil {
		return err
	}
	if err := guard(c).Try(outfile.Output{Path: c.Path("output")}); err != nil {
		return err
	}
	text, err := read()
	if err != nil {
		return err
	}
	m, loaded, err := loadModel(c)
	if err != nil {
		return err
	}
	defer m.Close()
	vocab, err := m.Tokenizer()
	if err != nil && c.Bool("ids") && c.IsSet("tokens") {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := settle(c, &f, runTemplate(c, m)); err != nil {
		return err
	}
	if text, err = writePrompt(c, f, text); err != nil {
		return err
	}
	tokens, err := promptTokens(c, vocab, text, f.First)
	if err != nil {
		return err
	}
	if !c.IsSet("tokens") {
		tokens = tokenizer.LineEnds(vocab, tokens)
	}
	if len(tokens) == 0 {
		tokens = []tokenizer.Token{lm.BeginToken(vocab)}
	}
	if vocab == nil && !c.Bool("ids") {
		return &hinted{fmt.Errorf("%s has no tokenizer, so its tokens cannot be printed as text", m.File().Path()), "add --ids to print token ids"}
	}
	o, err := generateOptions(c, m, f, text)
	if err != nil {
		return err
	}
	o.Stop = chat.Stops(o.Stop, f.Start())
	g, err := m.GuideAnswer(f, f.Start(), like, "")
	if err != nil {
		return err
	}
	if g != nil {
		defer g.Close()
		o.Sampler.SetGuide(g)
	}
	j := job{c: c, model: m, tokens: tokens, text: text, options: o, format: f}
	err = j.run()
	if err == nil && j.times.Reason == generate.Limit && (!c.IsSet("n-predict") || term.Is(c.App.ErrWriter)) {
		note(c, "the text was cut at the limit of %s: -n -1 is without a limit", units.Count(c.Int("n-predict"), "token"))
	}
	if c.Bool("verbose") {
		j.times.WriteText(c.App.ErrWriter, loaded)
	}
	return err
}

// runFormat is formatFlags plus --input, which only run has.
func runFormat(c *urfave.Context) (chat.Format, error) {
	f, err := formatFlags(c)
	if err != nil || !c.IsSet("input") {
		return f, err
	}
	if f.Name == "" {
		f.Template, err = prompt.Named("instruction")
	}
	if f.Input == "" && err == nil {
		err = misuse(c, "--input needs template instruction or raven-instruction, not %s", f.Name)
	}
	return f, err
}

// runTemplate returns the template of run if none is named: raw, unless the model is a music model or a flag needs a template.
func runTemplate(c *urfave.Context, m *lm.Model) prompt.Template {
	own := m.Template()
	if own.Verbatim && !c.IsSet("tokens") || c.String("template") == "auto" || c.IsSet("system") {
		return own
	}
	raw, _ := prompt.Named("raw")
	return raw
}

// writePrompt turns the user's text into a prompt.
func writePrompt(c *urfave.Context, f chat.Format, text []byte) ([]byte, error) {
	if c.IsSet("tokens") && !f.Verbatim {
		return nil, misuse(c, "--tokens is already a prompt, so template %s cannot format it: leave out --template", f.Name)
	}
	input := argumentText(c, c.String("input"))
	if f.Input != "" && prompt.LooksSwapped(string(text), input) {
		fmt.Fprintln(c.App.ErrWriter, "gosling: warning: instruction and input look swapped: "+
			"models do better with gosling run MODEL --input TEXT INSTRUCTION")
	}
	return []byte(f.Task(f.System, string(text), input, f.Start())), nil
}

// generateOptions returns the options for generating the text.
func generateOptions(c *urfave.Context, m *lm.Model, f chat.Format, text []byte) (generate.Options, error) {
	o, err := samplingOptions(c, m, f.Template)
	if err != nil {
		return generate.Options{}, err
	}
	s, err := sampler.New(o)
	if err != nil {
		return generate.Options{}, err
	}
	stops := f.Stops
	if g1, _ := prompt.Named("g1"); f.Name == "raw" && strings.HasSuffix(string(text), g1.Assistant) {
		stops = g1.Stops
	}
	vocab, _ := m.Tokenizer() // an error was already reported
	return generate.Options{Vocab: vocab, Sampler: s, End: lm.Tokens(f.End), Stop: stopStrings(c, stops), Limit: max(0, c.Int("n-predict"))}, nil
}
