package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
)

func perplexityCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`, of a .jsonl the field \"text\" of each line; - is standard input"},
		contextFlag(),
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks", DefaultText: "all"},
		&urfave.BoolFlag{Name: "stream", Usage: "read the whole text in one pass with the state carried on, and score every token", DisableDefaultText: true},
		jsonFlag(),
	}
	return &urfave.Command{
		Name: "perplexity", Usage: "measure how well a model predicts a text", ArgsUsage: "MODEL",
		Description: `Prints the perplexity with its standard error, and bits per byte, which compares between models of different
vocabularies. The text is cut into chunks, each is read from an empty state, and its second half is scored, as
llama-perplexity does. With --stream nothing is cut.

Examples:
  gosling perplexity model.gguf --text wiki.test.raw
  gosling perplexity model.gguf --text book.txt --stream`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: perplexity,
	}
}

func contextFlag() urfave.Flag {
	return &urfave.IntFlag{Name: "ctx", Aliases: []string{"c"}, Usage: "cut the text into chunks of `N` tokens", Value: 512}
}

// perplexityReport is what --json prints.
type perplexityReport struct {
	Model   string `json:"model"`
	Text    string `json:"text"`
	Context int    `json:"context"` // 0 for --stream
	eval.Perplexity
	Seconds float.Number `json:"seconds"`
	Speed   float.Number `json:"tokens_per_second"`
}

func perplexity(c *urfave.Context) error {
	if err := checkPerplexity(c); err != nil {
		return err
	}
	path := c.Path("text")
	if path == "" {
		path = "-"
		if texts, err := textNames(c, c.Args().First(), nil); err != nil {
			return err
		} else if len(texts) > 0 {
			path = texts[0]
		}
	}
	data, err := readDocuments(c, path)
	if err != nil {
		return err
	}
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	windows, err := perplexityWindows(c, m, path, data)
	if err != nil {
		return err
	}
	p, took, err := runPerplexity(c, m, windows)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Args().First(), err)
	}
	r := perplexityReport{
		Model: c.Args().First(), Text: textName(path), Perplexity: p,
		Seconds: float.Number(took.Seconds()), Speed: rate(float64(p.Read), took),
	}
	if !c.Bool("stream") {
		r.Context = c.Int("ctx")
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, r)
	}
	return r.print(c.App.Writer)
}

func checkPerplexity(c *urfave.Context) error {
	switch {
	case c.NArg() != 1:
		return misuse(c, "want one model, not %d arguments", c.NArg())
	case c.Path("text") == "" && c.Args().First() != demo.Name && term.Is(c.App.Reader):
		return misuse(c, "no text: name one with --text FILE")
	case c.Bool("stream") && (c.IsSet("ctx") || c.IsSet("chunks")):
		return misuse(c, "--stream reads the whole text in one pass: leave --ctx and --chunks out")
	case c.IsSet("chunks") && c.Int("chunks") < 1:
		return misuse(c, "--chunks %d: want 1 or more", c.Int("chunks"))
	case c.Int("ctx") < eval.MinContext:
		return misuse(c, "--ctx %d: want %d or more", c.Int("ctx"), eval.MinContext)
	}
	return nil
}

func perplexityWindows(c *urfave.Context, m *lm.Model, path string, data []byte) ([]eval.Window, error) {
	text, err := encodeText(m, path, data)
	if err != nil {
		return nil, err
	}
	if c.Bool("stream") {
		windows, err := text.Stream()
		return windows, named(path, err)
	}
	windows, err := text.Chunks(c.Int("ctx"), c.Int("chunks"), beginning(m))
	return windows, named(path, err)
}

// named puts a text's name before an error and adds what to do about a text that is too short.
func named(path string, err error) error {
	var short *eval.ShortError
	if errors.As(err, &short) {
		return &hinted{fmt.Errorf("%s: %w", textName(path), err), "take a longer text, or chunks of fewer tokens: two must fit"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", textName(path), err)
	}
	return nil
}

func runPerplexity(c *urfave.Context, m *lm.Model, windows []eval.Window) (eval.Perplexity, time.Duration, error) {
	total := 0
	for _, w := range windows {
		total += len(w.Tokens) - 1
	}
	line := newRunning(c.App.ErrWriter, clockOf(c), filepath.Base(c.Args().First()), tokensRead, int64(total))
	p, err := eval.MeasurePerplexity(line.follow(c.Context), m.Model, windows, func(p eval.Perplexity) {
		line.say("PPL %.4f ± %.4f", p.PPL.Value, p.PPL.Error)
	})
	return p, line.end(), err
}

func (r *perplexityReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "PPL = %.4f ± %.4f\n\n", r.PPL.Value, r.PPL.Error)
	fmt.Fprintf(w, "bits per byte\t%.4f\n", r.BitsPerByte)
	how := fmt.Sprintf("in %d chunks of %d", r.Windows, r.Context)
	if r.Context == 0 {
		how = "in one pass"
	}
	fmt.Fprintf(w, "scored\t%s tokens of %s bytes, %s\n", grouped(int64(r.Scored)), grouped(r.Bytes), how)
	fmt.Fprintf(w, "read\t%s tokens, %s per second\n", grouped(int64(r.Read)), numberText("%.1f", r.Speed))
	return w.Flush()
}
