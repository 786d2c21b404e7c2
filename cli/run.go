package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"gosling/engine"
	"gosling/generate"
	"gosling/prompt"
	"gosling/tokenizer"
)

// runLimit is how many tokens run generates unless told otherwise: room for a long answer, and an end for a model that
// finds none.
const runLimit = 512

func runCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the prompt from `FILE`, but for a last line end; - is standard input"},
		&urfave.StringFlag{Name: "tokens", Usage: "take token `IDS` as the prompt, separated by commas"},
		&urfave.StringFlag{Name: "input", Usage: "what an instruction is about: `TEXT`, for templates instruction and raven-instruction"},
		&urfave.BoolFlag{Name: "bos", Usage: "put the token that separates documents, 0 in most models, in front of the prompt", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "echo", Usage: "print the prompt too", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "ids", Usage: "print token ids instead of text", DisableDefaultText: true},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the music to `FILE` too: .mid to play, of a MIDI model, or else text such as .abc"},
		forceFlag(), escapeFlag(),
	}
	return &urfave.Command{
		Name: "run", Usage: "continue a prompt", ArgsUsage: "MODEL [PROMPT|-]",
		Description: `Prints how the model continues a prompt, as it comes. The prompt is the argument, in which \n and the like are
resolved, or comes from --file or standard input. It is used as it stands (for a music model, behind the token that
its pieces begin with) unless --template writes it; --template auto is the one that the model was trained on, and
--system, --think and --tools imply it, as --input implies instruction. The text ends where the model ends it, at
the template's stop strings or a --stop text, or after --n-predict tokens. A model without a tokenizer takes
--tokens and prints --ids.

Examples:
  gosling run model.gguf "User: What is a goose?\n\nAssistant:"
  gosling run model.gguf --template qa "What is a goose?"
  gosling run model.gguf --template instruction --input "Gänse ziehen." "Translate into English."
  gosling run g1.gguf --think fast --system "Be brief." "What is a goose?"
  gosling run g1.gguf --tools tools.json "What is the weather in Basel?"
  gosling run midi.gguf --template midi --output song.mid ""
  gosling run model.gguf --file story.txt --temp 0.6 --top-p 0.7 -n 1000 --stop "THE END"
  echo "The goose" | gosling run model.gguf --temp 0`,
		Flags:  slices.Concat(flags, templateFlags(), samplingFlags(runLimit), stateFlags(), modelFlags()),
		Action: run,
	}
}

func run(c *urfave.Context) error {
	w, err := runWording(c)
	if err != nil {
		return err
	}
	read, err := promptSource(c)
	if err != nil {
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
	vocab, err := vocabOf(m.File())
	if err != nil && c.Bool("ids") && c.IsSet("tokens") {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := w.settle(c, runTemplate(c, m)); err != nil {
		return err
	}
	if text, err = w.write(c, text); err != nil {
		return err
	}
	tokens, err := promptTokens(c, vocab, text, w.First)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		tokens = []tokenizer.Token{beginOf(vocab)}
	}
	if vocab == nil && !c.Bool("ids") {
		return &hinted{fmt.Errorf("%s has no tokenizer, so its tokens are no text", m.File().Path()), "add --ids to see the tokens' numbers"}
	}
	o, err := w.options(c, vocab, text)
	if err != nil {
		return err
	}
	j := job{c: c, model: m, tokens: tokens, text: text, options: o, timing: timing{prompt: len(tokens)}}
	err = j.run(w)
	if c.Bool("verbose") {
		j.timing.loaded = loaded
		j.timing.print(c.App.ErrWriter)
	}
	return err
}

// runWording is wordingFlags, with what only run has.
func runWording(c *urfave.Context) (wording, error) {
	w, err := wordingFlags(c)
	if err != nil || !c.IsSet("input") {
		return w, err
	}
	if w.Name == "" {
		w.Template, err = prompt.Named("instruction")
	}
	if w.Input == "" && err == nil {
		err = misuse(c, "--input is for templates instruction and raven-instruction, not %s", w.Name)
	}
	return w, err
}

// runTemplate is the one that run takes when none is named: none, but for models of music, unless a flag needs one.
func runTemplate(c *urfave.Context, m *engine.Model) prompt.Template {
	own := modelTemplate(m)
	if own.Verbatim && !c.IsSet("tokens") || c.String("template") == "auto" || c.IsSet("system") {
		return own
	}
	raw, _ := prompt.Named("raw")
	return raw
}

// write makes the prompt of what the user said.
func (w *wording) write(c *urfave.Context, text []byte) ([]byte, error) {
	if c.IsSet("tokens") && !w.Verbatim {
		return nil, misuse(c, "--tokens are a prompt already, which template %s cannot write: leave --template out", w.Name)
	}
	input := argumentText(c, c.String("input"))
	if w.Input != "" && prompt.LooksSwapped(string(text), input) {
		fmt.Fprintln(c.App.ErrWriter, "gosling: warning: the instruction looks like the input and the input like an instruction: "+
			"models do better with the instruction first, gosling run MODEL --input TEXT INSTRUCTION")
	}
	return []byte(w.Task(w.system, string(text), input, w.think)), nil
}

// options are what text is generated with.
func (w *wording) options(c *urfave.Context, vocab tokenizer.Tokenizer, text []byte) (generate.Options, error) {
	s, err := newSampler(c, vocab, w.Sampling)
	if err != nil {
		return generate.Options{}, err
	}
	stops := w.Stops
	if g1, _ := prompt.Named("g1"); w.Name == "raw" && strings.HasSuffix(string(text), g1.Assistant) {
		stops = g1.Stops
	}
	return generate.Options{Vocab: vocab, Sampler: s, End: tokenList(w.End), Stop: stopStrings(c, stops), Limit: max(0, c.Int("n-predict"))}, nil
}

// promptSource finds where the prompt comes from, before anything is opened.
func promptSource(c *urfave.Context) (func() ([]byte, error), error) {
	args := c.Args().Slice()
	if len(args) == 0 {
		return nil, misuse(c, "no model named")
	}
	if len(args) > 2 {
		return nil, misuse(c, "unexpected argument %q: quote a prompt that has blanks", args[2])
	}
	var sources []func() ([]byte, error)
	if len(args) == 2 && args[1] != "-" {
		sources = append(sources, func() ([]byte, error) { return []byte(argumentText(c, args[1])), nil })
	}
	if len(args) == 2 && args[1] == "-" {
		sources = append(sources, func() ([]byte, error) { return readText(c, "-") })
	}
	if c.IsSet("file") {
		sources = append(sources, func() ([]byte, error) { return readText(c, c.Path("file")) })
	}
	if c.IsSet("tokens") {
		sources = append(sources, func() ([]byte, error) { return nil, nil })
	}
	switch {
	case len(sources) > 1:
		return nil, misuse(c, "the prompt is given twice: choose the argument, --file or --tokens")
	case len(sources) == 1:
		return sources[0], nil
	case c.IsSet("output") && isTerminal(c.App.Reader):
		return func() ([]byte, error) { return nil, nil }, nil // music needs no beginning
	case isTerminal(c.App.Reader):
		return nil, misuse(c, "no prompt: give it as an argument, with --file or on standard input (for a conversation: gosling chat)")
	default:
		return func() ([]byte, error) { return readText(c, "-") }, nil
	}
}

// promptTokens cuts the prompt into tokens and puts a template's first ones in front, or reads them from --tokens.
func promptTokens(c *urfave.Context, vocab tokenizer.Tokenizer, text []byte, first []int32) ([]tokenizer.Token, error) {
	var tokens []tokenizer.Token
	var err error
	switch {
	case c.IsSet("tokens"):
		if tokens, err = parseTokens(c.String("tokens")); err != nil {
			return nil, misuse(c, "--tokens: %v", err)
		}
	case vocab == nil:
		return nil, &hinted{fmt.Errorf("%s has no tokenizer, so it reads no text", c.Args().First()), "give the prompt as ids: --tokens 1,2,3"}
	default:
		if tokens, err = vocab.Encode(text); err != nil {
			return nil, err
		}
		tokens = append(tokenList(first), tokens...)
	}
	if c.Bool("bos") {
		tokens = slices.Insert(tokens, 0, beginOf(vocab))
	}
	return tokens, nil
}

// job is a text to generate.
type job struct {
	c       *urfave.Context
	model   *engine.Model
	tokens  []tokenizer.Token
	text    []byte // of the prompt
	options generate.Options
	timing  timing
}

// run generates, prints, and writes --output.
func (j *job) run(w wording) error {
	if j.c.IsSet("output") {
		song, err := newSongFile(j.c, w.Template, j.options.Vocab, j.tokens, j.text)
		if err != nil {
			return err
		}
		return writeOutput(j.c, song.path, func(out io.Writer) error {
			if err := j.print(song.piece); err != nil {
				return err
			}
			return song.write(j.c, out)
		})
	}
	var said strings.Builder
	err := j.print(func(p generate.Piece) { said.WriteString(p.Text) })
	if err == nil && w.calls {
		warnOfCall(j.c, said.String())
	}
	return err
}

// warnOfCall says what is wrong with a function call.
func warnOfCall(c *urfave.Context, said string) {
	if _, err := prompt.Call(said); err != nil {
		fmt.Fprintf(c.App.ErrWriter, "gosling: warning: %v\n", err)
	}
}

// print generates and prints, and shows each piece to also.
func (j *job) print(also func(generate.Piece)) error {
	session, err := j.model.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	out := textPrinter{w: j.c.App.Writer, ids: j.c.Bool("ids")}
	if j.c.Bool("echo") {
		if err := out.echo(j.tokens, j.text); err != nil {
			return err
		}
	}
	err = j.timing.follow(j.c.Context, session, j.tokens, j.options, func(p generate.Piece) error {
		also(p)
		return out.piece(p)
	})
	if out.ids || isTerminal(j.c.App.Writer) {
		_, lineErr := io.WriteString(j.c.App.Writer, "\n")
		err = errors.Join(err, lineErr)
	}
	return err
}

// textPrinter writes pieces as text or as ids.
type textPrinter struct {
	w    io.Writer
	ids  bool
	some bool // ids were written
}

func (p *textPrinter) echo(tokens []tokenizer.Token, text []byte) error {
	if !p.ids {
		_, err := p.w.Write(text)
		return err
	}
	for _, t := range tokens {
		if err := p.id(t); err != nil {
			return err
		}
	}
	return nil
}

func (p *textPrinter) piece(piece generate.Piece) error {
	if !p.ids {
		_, err := io.WriteString(p.w, piece.Text)
		return err
	}
	if piece.Reason == generate.EndOfText || piece.Reason == generate.Cancelled {
		return nil
	}
	return p.id(piece.Token)
}

func (p *textPrinter) id(t tokenizer.Token) error {
	text := strconv.Itoa(int(t))
	if p.some {
		text = " " + text
	}
	p.some = true
	_, err := io.WriteString(p.w, text)
	return err
}

// timing is what --verbose tells of a text.
type timing struct {
	loaded, prefill, decode time.Duration
	prompt, generated       int
	reason                  generate.Reason
}

// follow generates, hands out the pieces and takes the times.
func (t *timing) follow(ctx context.Context, s generate.Session, prompt []tokenizer.Token, o generate.Options, each func(generate.Piece) error) error {
	begin := time.Now()
	first := time.Time{}
	defer func() {
		if !first.IsZero() {
			t.prefill, t.decode = first.Sub(begin), time.Since(first)
		}
	}()
	for piece, err := range generate.Text(ctx, s, prompt, o) {
		if first.IsZero() {
			first = time.Now()
		} else {
			t.generated++
		}
		if piece.Reason != "" {
			t.reason = piece.Reason
		}
		if err == nil || piece.Reason != "" {
			if printErr := each(piece); printErr != nil {
				return printErr
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// print writes the summary. The first token comes out of the prefill, the others are decoded.
func (t *timing) print(w io.Writer) {
	fmt.Fprintf(w, "\nload     %8.2f s\n", t.loaded.Seconds())
	if t.prefill > 0 {
		fmt.Fprintf(w, "prefill  %8.2f s  %5d tokens  %8.2f tokens/s\n", t.prefill.Seconds(), t.prompt, float64(t.prompt)/t.prefill.Seconds())
	}
	if t.generated > 0 {
		fmt.Fprintf(w, "decode   %8.2f s  %5d tokens  %8.2f tokens/s\n", t.decode.Seconds(), t.generated, float64(t.generated)/t.decode.Seconds())
	}
	if t.reason != "" {
		fmt.Fprintf(w, "ended by %s\n", t.reason)
	}
}
