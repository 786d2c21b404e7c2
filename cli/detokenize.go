package cli

import (
	"fmt"
	"io"
	"slices"
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
		if _, err := parseTokens(args[0]); err != nil {
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
	tokens, err := parseTokens(ids)
	if err != nil {
		return err
	}
	for i, t := range tokens {
		if _, ok := vocab.Bytes(t); !ok {
			return fmt.Errorf("token %d at position %d is not in the vocabulary", t, i)
		}
	}
	return outfile.Buffered(heeding{c.Context, term.Text(c.App.Writer)}, func(out io.Writer) error { return decodeTo(out, vocab, tokens) })
}

// decodeTo writes the text of tokens in parts, because it may be a thousand times as long as they are.
func decodeTo(out io.Writer, vocab tokenizer.Tokenizer, tokens []tokenizer.Token) error {
	between := ""
	for some := range slices.Chunk(tokens, 4096) {
		text := vocab.Decode(some)
		if len(text) == 0 {
			continue
		}
		if _, err := io.WriteString(out, between); err != nil {
			return err
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
		if _, words := vocab.(*tokenizer.Words); words {
			between = " "
		}
	}
	return nil
}
