package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// promptSource determines where the prompt comes from, before anything is opened.
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
		sources = append(sources, joined(c, func() ([]byte, error) { return []byte(argumentText(c, args[1])), nil }))
	}
	if len(args) == 2 && args[1] == "-" {
		sources = append(sources, func() ([]byte, error) { return readText(c, "-", promptLimit) })
	}
	if path := c.Path("file"); c.IsSet("file") && path == "-" {
		sources = append(sources, func() ([]byte, error) { return readText(c, "-", promptLimit) })
	} else if c.IsSet("file") {
		sources = append(sources, joined(c, func() ([]byte, error) { return readText(c, path, promptLimit) }))
	}
	if c.IsSet("tokens") {
		sources = append(sources, func() ([]byte, error) { return nil, refuseInput(c) })
	}
	switch {
	case len(sources) > 1:
		return nil, misuse(c, "the prompt is given twice: choose the argument, --file or --tokens")
	case len(sources) == 1:
		return sources[0], nil
	case c.IsSet("output") && term.Is(c.App.Reader):
		return func() ([]byte, error) { return nil, nil }, nil // music needs no prompt
	case args[0] == demo.Name && term.Is(c.App.Reader):
		return func() ([]byte, error) { return []byte(demo.Prompt), nil }, nil
	case term.Is(c.App.Reader):
		return func() ([]byte, error) { return typedPrompt(c) }, nil
	default:
		return func() ([]byte, error) { return readText(c, "-", promptLimit) }, nil
	}
}

// typedPrompt lets a person type the prompt.
func typedPrompt(c *urfave.Context) ([]byte, error) {
	out := c.App.ErrWriter
	if !term.Is(out) {
		return readText(c, "-", promptLimit)
	}
	fmt.Fprintln(out, "Type a prompt and press Enter. Ctrl-D leaves. For a conversation: gosling chat")
	lines, err := newLines(c, out)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	text, err := lines.Read(c.Context, "")
	if errors.Is(err, io.EOF) || errors.Is(err, lineedit.ErrInterrupted) {
		err = context.Canceled
	}
	return []byte(text), err
}

// joined appends standard input to the text that read returns, on a new line, if it is a pipe or a file.
func joined(c *urfave.Context, read func() ([]byte, error)) func() ([]byte, error) {
	return func() ([]byte, error) {
		text, err := read()
		if err != nil || !piped(c.App.Reader) {
			return text, err
		}
		more, err := readInput(c, ", which is appended to the given text: add < /dev/null to prevent that", promptLimit)
		if err != nil {
			return nil, err
		}
		if more, err = decodeText(c, "-", more); err != nil {
			return nil, err
		}
		if more = withoutLineEnd(more); len(text) > 0 && len(more) > 0 {
			text = append(text, '\n')
		}
		return append(text, more...), nil
	}
}

// refuseInput returns an error if standard input has text, because --tokens would leave it unread.
func refuseInput(c *urfave.Context) error {
	if !piped(c.App.Reader) {
		return nil
	}
	more, err := readInput(c, ", which cannot be combined with --tokens: add < /dev/null to skip it", promptLimit)
	if err == nil && len(more) > 0 {
		err = misuse(c, "the prompt is given twice: --tokens cannot be combined with the text on standard input")
	}
	return err
}

// promptTokens encodes the prompt after the template's first tokens, or parses --tokens.
func promptTokens(c *urfave.Context, vocab tokenizer.Tokenizer, text []byte, first []int32) ([]tokenizer.Token, error) {
	var tokens []tokenizer.Token
	var err error
	switch {
	case c.IsSet("tokens"):
		if tokens, err = tokenizer.ParseIDs(c.String("tokens")); err != nil {
			return nil, misuse(c, "--tokens: %v", err)
		}
	case vocab == nil:
		return nil, &hinted{fmt.Errorf("%s has no tokenizer, so it cannot read text", c.Args().First()), "give the prompt as ids: --tokens 1,2,3"}
	default:
		if tokens, err = vocab.Encode(text); err != nil {
			return nil, err
		}
		tokens = append(lm.Tokens(first), tokens...)
	}
	if c.Bool("bos") {
		tokens = slices.Insert(tokens, 0, lm.BeginToken(vocab))
	}
	return tokens, nil
}
