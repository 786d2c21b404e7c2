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
	"gosling/sampler"
	"gosling/tokenizer"
)

// runLimit is how many tokens run generates unless told otherwise: room for a long answer, and an end for a model that
// finds none.
const runLimit = 512

func runCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the prompt from `FILE`, but for a last line end; - is standard input"},
		&urfave.StringFlag{Name: "tokens", Usage: "take token `IDS` as the prompt, separated by commas"},
		&urfave.BoolFlag{Name: "bos", Usage: "put token 0, which separates documents, in front of the prompt", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "echo", Usage: "print the prompt too", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "ids", Usage: "print token ids instead of text", DisableDefaultText: true},
		escapeFlag(),
	}
	return &urfave.Command{
		Name: "run", Usage: "continue a prompt", ArgsUsage: "MODEL [PROMPT|-]",
		Description: `Prints how the model continues a prompt, as it comes. The prompt is the argument, in which \n and the like are
resolved, or comes from --file or standard input. It is used as it stands: write turns as "User: ...\n\nAssistant:".
The text ends where the model ends it, at a --stop text (for a prompt that ends with "Assistant:" the next turn of the
user is one), or after --n-predict tokens. A model without a tokenizer takes --tokens and prints --ids.

Examples:
  gosling run model.gguf "User: What is a goose?\n\nAssistant:"
  gosling run model.gguf --file story.txt --temp 0.6 --top-p 0.7 -n 1000 --stop "THE END"
  echo "The goose" | gosling run model.gguf --temp 0`,
		Flags:  slices.Concat(flags, samplingFlags(sampler.Defaults(), runLimit), modelFlags()),
		Action: run,
	}
}

func run(c *urfave.Context) error {
	read, err := promptSource(c)
	if err != nil {
		return err
	}
	text, err := read()
	if err != nil {
		return err
	}
	begin := time.Now()
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	loaded := time.Since(begin)
	vocab, err := vocabOf(m.File())
	if err != nil && c.Bool("ids") && c.IsSet("tokens") {
		err = nil
	}
	if err != nil {
		return err
	}
	tokens, err := promptTokens(c, vocab, text)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		tokens = []tokenizer.Token{tokenizer.EndOfText} // the beginning of a document
	}
	if vocab == nil && !c.Bool("ids") {
		return &hinted{fmt.Errorf("%s has no tokenizer, so its tokens are no text", m.File().Path()), "add --ids to see the tokens' numbers"}
	}
	defaults := sampler.Defaults()
	if vocab != nil {
		defaults.Weight = sampler.SpareNumbers(vocab)
	}
	s, err := newSampler(c, vocab, defaults)
	if err != nil {
		return err
	}
	stops := []string(nil)
	if qa := prompt.QA(); strings.HasSuffix(string(text), qa.Assistant) {
		stops = qa.Stops
	}
	o := generate.Options{Vocab: vocab, Sampler: s, Stop: stopStrings(c, stops), Limit: max(0, c.Int("n-predict"))}
	timing, err := runText(c, m, tokens, text, o)
	if c.Bool("verbose") {
		timing.loaded = loaded
		timing.print(c.App.ErrWriter)
	}
	return err
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
	case isTerminal(c.App.Reader):
		return nil, misuse(c, "no prompt: give it as an argument, with --file or on standard input (for a conversation: gosling chat)")
	default:
		return func() ([]byte, error) { return readText(c, "-") }, nil
	}
}

// promptTokens cuts the prompt into tokens, or reads them from --tokens.
func promptTokens(c *urfave.Context, vocab *tokenizer.Vocab, text []byte) ([]tokenizer.Token, error) {
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
	}
	if c.Bool("bos") {
		tokens = slices.Insert(tokens, 0, tokenizer.EndOfText)
	}
	return tokens, nil
}

// runText generates and prints.
func runText(c *urfave.Context, m *engine.Model, tokens []tokenizer.Token, text []byte, o generate.Options) (*timing, error) {
	timing := &timing{prompt: len(tokens)}
	session, err := m.NewSession()
	if err != nil {
		return timing, err
	}
	defer session.Close()
	out := textPrinter{w: c.App.Writer, ids: c.Bool("ids")}
	if c.Bool("echo") {
		if err := out.echo(tokens, text); err != nil {
			return timing, err
		}
	}
	err = timing.follow(c.Context, session, tokens, o, out.piece)
	if out.ids || isTerminal(c.App.Writer) {
		_, lineErr := io.WriteString(c.App.Writer, "\n")
		err = errors.Join(err, lineErr)
	}
	return timing, err
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
