package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/vectors"
	"github.com/gosling-rwkv/gosling/lm"
)

func embedCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the texts from `FILE`, one per line; - is standard input"},
		&urfave.StringFlag{Name: "pooling", Value: "last", Usage: "use the hidden state after the `last` token, or the mean over all tokens"},
		&urfave.BoolFlag{Name: "normalize", Usage: "scale each embedding to length 1", DisableDefaultText: true},
		&urfave.StringFlag{Name: "format", Value: "json", Usage: "write `FORMAT` json (like OpenAI's API), array (of arrays) or f32 (little-endian numbers)"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "write to `FILE`; - is standard output"},
		forceFlag(), escapeFlag(),
	}
	return &urfave.Command{
		Name: "embed", Usage: "turn texts into vectors, to compare their meaning", ArgsUsage: "MODEL [TEXT|-]",
		Description: `Reads texts, one per line, each from the beginning of a document, and writes an embedding for each: the hidden state
after the last layer and the output norm, which is the input of the model's head. --pooling last takes the state after
the text's last token, which has seen the whole text. --pooling mean takes the average over all tokens. An empty line is
read as the token that separates documents. --format f32 writes [texts][channels].

Examples:
  gosling embed model.gguf "The goose flies south."
  gosling embed model.gguf --file sentences.txt --normalize --output sentences.json
  gosling embed model.gguf --pooling mean --format f32 --output vectors.f32 < sentences.txt`,
		Flags:  slices.Concat(flags, stateFlags(), modelFlags()),
		Action: embed,
	}
}

func embed(c *urfave.Context) error {
	pooling, ok := map[string]lm.Pooling{"last": lm.LastToken, "mean": lm.Mean}[c.String("pooling")]
	if !ok {
		return misuse(c, "--pooling %q: want last or mean", c.String("pooling"))
	}
	format := vectors.Format(c.String("format"))
	if !format.Known() {
		return misuse(c, "--format %q: want json, array or f32", format)
	}
	if format == vectors.F32 {
		if err := bytesAtTerminal(c, "--format f32"); err != nil {
			return err
		}
	}
	if err := guard(c).Try(outfile.Output{Path: c.Path("output")}); err != nil {
		return err
	}
	lines, err := embedLines(c)
	if err != nil {
		return err
	}
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	texts, err := m.EncodeLines(lines)
	if err != nil {
		return err
	}
	total := 0
	for _, t := range texts {
		total += len(t)
	}
	return writeOutput(c, c.Path("output"), func(out io.Writer) error {
		w, finish := vectors.New(out, format, c.Args().First()), vectors.Check
		if c.Bool("normalize") {
			finish = vectors.Normalize
		}
		line, ctx := reading(c.Context, c, "embedding", total)
		defer line.End()
		err := m.Embed(ctx, texts, pooling, func(i int, e []float32) error {
			if err := finish(e); err != nil {
				return &hinted{fmt.Errorf("line %d: %w", i+1, err), damagedHint}
			}
			return w.Add(e)
		})
		if err != nil {
			return err
		}
		return w.End(total)
	})
}

// embedLines returns the texts that the command line names.
func embedLines(c *urfave.Context) ([]string, error) {
	if c.NArg() == 1 && !c.IsSet("file") && term.Is(c.App.Reader) {
		return nil, misuse(c, "no text: give it as an argument, with --file or on standard input")
	}
	read, err := promptSource(c)
	if err != nil {
		return nil, err
	}
	text, err := read()
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("no text to embed: the input is empty")
	}
	if n := bytes.Count(text, []byte("\n")) + 1; n > maxLines {
		return nil, fmt.Errorf("%d lines: at most %d texts can be embedded at once", n, maxLines)
	}
	lines := strings.Split(string(text), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines, nil
}
