package cli

import (
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func detokenizeCommand() *urfave.Command {
	return &urfave.Command{
		Name: "detokenize", Usage: "turn tokens back into text", ArgsUsage: "[MODEL|-] [ID ...|-]",
		Description: `Prints exactly the bytes that token ids stand for. Ids are separated by blanks or commas. Without ids, they are read
from standard input. The vocabulary is the model's, or World if no model is named.

Examples:
  gosling detokenize 33 41638 47
  gosling tokenize --ids "A goose." | gosling detokenize
  gosling detokenize model.gguf 33,41638,47`,
		Flags:  []urfave.Flag{vocabFlag()},
		Action: detokenize,
	}
}

func detokenize(c *urfave.Context) error {
	args, model := c.Args().Slice(), ""
	if len(args) > 0 && args[0] != "-" {
		if _, err := tokenizer.ParseIDs(args[0]); err != nil {
			model, args = args[0], args[1:]
		}
	}
	vocab, err := chosenVocab(c, model)
	if err != nil {
		return err
	}
	var ids string
	if len(args) > 0 && args[0] == "-" {
		args = args[1:]
	}
	if ids = strings.Join(args, " "); ids == "" {
		text, err := readWhole(c, "-", tokensLimit)
		if err != nil {
			return err
		}
		ids = string(text)
	}
	tokens, err := tokenizer.ParseIDs(ids)
	if err != nil {
		return err
	}
	for i, t := range tokens {
		if _, ok := vocab.Bytes(t); !ok {
			return fmt.Errorf("token %d at position %d is not in the vocabulary", t, i)
		}
	}
	return outfile.Buffered(heeding{c.Context, term.Text(c.App.Writer)}, func(out io.Writer) error { return tokenizer.WriteText(out, vocab, tokens) })
}
