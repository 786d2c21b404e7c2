package cli

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func perplexityCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "text", Aliases: []string{"f"}, Usage: "measure on the text in `FILE`; of a .jsonl file, on the field \"text\" of each line; - is standard input"},
		contextFlag(),
		&urfave.IntFlag{Name: "chunks", Usage: "measure the first `N` chunks", DefaultText: "all"},
		&urfave.BoolFlag{Name: "stream", Usage: "read the whole text in one pass without resetting the state, and score every token", DisableDefaultText: true},
		jsonFlag(),
	}
	return &urfave.Command{
		Name: "perplexity", Usage: "measure how well a model predicts a text", ArgsUsage: "MODEL",
		Description: `Prints the perplexity with its standard error, and bits per byte. Bits per byte can be compared between models with
different vocabularies. The text is cut into chunks. Each chunk is read from an empty state, and its second half is
scored, as llama-perplexity does. With --stream the text is not cut.

Examples:
  gosling perplexity model.gguf --text wiki.test.raw
  gosling perplexity model.gguf --text book.txt --stream`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: perplexity,
	}
}

func contextFlag() urfave.Flag {
	return &urfave.IntFlag{Name: "ctx", Aliases: []string{"c"}, Usage: "cut the text into chunks of `N` tokens", Value: compare.DefaultContext}
}

func perplexity(c *urfave.Context) error {
	if err := checkPerplexity(c); err != nil {
		return err
	}
	o, err := perplexityOptions(c)
	if err != nil {
		return err
	}
	var end func()
	o.Progress, end = follow(c)
	r, err := compare.Perplexity(c.Context, o)
	end()
	if err != nil {
		return advised(onOpening(c, err))
	}
	if c.Bool("json") {
		return jsontext.Write(c.App.Writer, r)
	}
	return printPerplexity(c.App.Writer, r)
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
	case c.Int("ctx") < compare.MinContext:
		return misuse(c, "--ctx %d: want %d or more", c.Int("ctx"), compare.MinContext)
	}
	return nil
}

func perplexityOptions(c *urfave.Context) (o compare.PerplexityOptions, err error) {
	o = compare.PerplexityOptions{Context: c.Int("ctx"), Chunks: c.Int("chunks"), Stream: c.Bool("stream")}
	o.Model.Name, o.Text.Path = c.Args().First(), c.Path("text")
	if o.Text.Path == "" {
		o.Text.Path = "-"
		if texts, err := textNames(c, o.Model.Name, nil); err != nil {
			return o, err
		} else if len(texts) > 0 {
			o.Text.Path = texts[0]
		}
	}
	if o.Text.Path == "-" {
		if o.Text.Data, err = readWhole(c, "-", textLimit); err != nil {
			return o, err
		}
	}
	if o.Options, err = modelOptions(c); err != nil {
		return o, err
	}
	o.Model.Path, err = modelPath(c, o.Model.Name)
	return o, err
}

func printPerplexity(out io.Writer, r compare.PerplexityResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "PPL = %.4f ± %.4f\n\n", r.PPL.Value, r.PPL.Error)
	fmt.Fprintf(w, "bits per byte\t%.4f\n", r.BitsPerByte)
	how := fmt.Sprintf("in %d chunks of %d", r.Windows, r.Context)
	if r.Context == 0 {
		how = "in one pass"
	}
	fmt.Fprintf(w, "scored\t%s tokens of %s bytes, %s\n", units.Grouped(int64(r.Scored)), units.Grouped(r.Bytes), how)
	fmt.Fprintf(w, "read\t%s tokens, %s per second\n", units.Grouped(int64(r.Read)), cells.Number("%.1f", r.Speed))
	return w.Flush()
}
