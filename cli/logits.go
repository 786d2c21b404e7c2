package cli

import (
	"fmt"
	"io"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/vectors"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func logitsCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "prompt", Aliases: []string{"p"}, Usage: "read `TEXT`"},
		&urfave.StringFlag{Name: "tokens", Usage: "read token `IDS`, separated by commas"},
		&urfave.PathFlag{Name: "tokens-file", Usage: "read token ids from `FILE`, separated by blanks or commas; - is standard input"},
		&urfave.BoolFlag{Name: "bos", Usage: "put the token that separates documents, 0 in most models, before the others", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "all", Usage: "write the logits after each token, not only after the last", DisableDefaultText: true},
		&urfave.IntFlag{Name: "chunk", Usage: "read at most `N` tokens at a time", DefaultText: "the fastest"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`; - is standard output"},
		forceFlag(), escapeFlag(),
	}
	return &urfave.Command{
		Name: "logits", Usage: "write a model's raw logits, to compare it with another implementation", ArgsUsage: "MODEL",
		Description: `Reads tokens from an empty state and writes little-endian float32 numbers: the logits after the last token,
[vocabulary], or with --all the logits after each token, [tokens][vocabulary]. Nothing is put before the tokens.

Examples:
  gosling logits model.gguf --prompt "The goose" --output last.f32
  gosling logits model.gguf --tokens 1,2,3 --all --output all.f32`,
		Flags:  slices.Concat(flags, stateFlags(), modelFlags()),
		Action: logits,
	}
}

func logits(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one model, not %d arguments", c.NArg())
	}
	given := 0
	for _, name := range []string{"prompt", "tokens", "tokens-file"} {
		if c.IsSet(name) {
			given++
		}
	}
	switch {
	case given != 1:
		return misuse(c, "give one of --prompt, --tokens and --tokens-file")
	case c.Path("output") == "":
		return misuse(c, "name the output: --output FILE, or - for standard output")
	case c.IsSet("chunk") && c.Int("chunk") < 1:
		return misuse(c, "--chunk %d: want 1 or more", c.Int("chunk"))
	}
	if err := bytesAtTerminal(c, "logits"); err != nil {
		return err
	}
	if err := guard(c).Try(outfile.Output{Path: c.Path("output")}); err != nil {
		return err
	}
	m, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	tokens, err := logitsTokens(c, m)
	if err != nil {
		return err
	}
	return writeOutput(c, c.Path("output"), func(w io.Writer) error {
		line, ctx := reading(c.Context, c, "reading", len(tokens))
		defer line.End()
		o := lm.LogitsOptions{All: c.Bool("all"), Chunk: c.Int("chunk")}
		return m.Logits(ctx, tokens, o, func(_ int, row []float32) error { return vectors.WriteF32(w, row) })
	})
}

// logitsTokens returns the tokens that the flags give.
func logitsTokens(c *urfave.Context, m *lm.Model) ([]tokenizer.Token, error) {
	vocab, err := m.Tokenizer()
	if err != nil && c.IsSet("prompt") {
		return nil, err
	}
	var tokens []tokenizer.Token
	if c.IsSet("tokens-file") {
		text, err := readText(c, c.Path("tokens-file"), tokensLimit)
		if err != nil {
			return nil, err
		}
		if tokens, err = tokenizer.ParseIDs(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Path("tokens-file"), err)
		}
		if c.Bool("bos") {
			tokens = slices.Insert(tokens, 0, lm.BeginToken(vocab))
		}
	} else if tokens, err = promptTokens(c, vocab, []byte(argumentText(c, c.String("prompt"))), nil); err != nil {
		return nil, err
	}
	return tokens, nil
}
