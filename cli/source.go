package cli

import (
	"fmt"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"gosling/demo"
	"gosling/tokenizer"
)

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
	case args[0] == demo.Name && isTerminal(c.App.Reader):
		return func() ([]byte, error) { return []byte(demo.Prompt), nil }, nil
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
