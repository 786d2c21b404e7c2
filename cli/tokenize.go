package cli

import (
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func tokenizeCommand() *urfave.Command {
	return &urfave.Command{
		Name: "tokenize", Usage: "split text into tokens", ArgsUsage: "[MODEL|-] [TEXT|-]",
		Description: `Prints the tokens of a text, each with its id. The vocabulary is the model's, or World if no model is named or it is "-".
Without a text, or if the text is "-", all of standard input is read, including its last line end. A single argument is a
model if it is a GGUF file or its name ends with .gguf. Otherwise it is a text, with \n and other escapes resolved.

Examples:
  gosling tokenize "A goose."
  gosling tokenize --ids - < book.txt
  gosling tokenize --ids model.gguf "User: Hi\n\nAssistant:"`,
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "ids", Usage: "print only the ids, separated by blanks", DisableDefaultText: true},
			vocabFlag(), escapeFlag(),
		},
		Action: tokenize,
	}
}

func tokenize(c *urfave.Context) error {
	model, text, err := tokenizeArguments(c)
	if err != nil {
		return err
	}
	vocab, err := chosenVocab(c, model)
	if err != nil {
		return err
	}
	if text == nil {
		if text, err = readWhole(c, "-", textLimit); err != nil {
			return err
		}
	}
	tokens, err := vocab.Encode(text)
	if err != nil {
		return err
	}
	if c.Bool("ids") {
		return tokenizer.WriteIDs(heeding{c.Context, c.App.Writer}, tokens)
	}
	return tokenizer.WritePieces(heeding{c.Context, c.App.Writer}, vocab, tokens)
}

// tokenizeArguments tells the model from the text. A nil text means standard input.
func tokenizeArguments(c *urfave.Context) (model string, text []byte, err error) {
	args := c.Args().Slice()
	switch {
	case len(args) > 2:
		return "", nil, misuse(c, "unexpected argument %q: quote a text that has blanks", args[2])
	case len(args) == 2:
		model, args = args[0], args[1:]
	case len(args) == 1 && (args[0] == demo.Name || gguf.Is(args[0]) || strings.EqualFold(filepath.Ext(args[0]), ".gguf") || isStored(args[0])):
		model, args = args[0], nil
	}
	if len(args) == 0 || args[0] == "-" {
		return model, nil, nil
	}
	return model, []byte(argumentText(c, args[0])), nil
}
