package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// vocabFlag lets tokenize and detokenize work without a model.
func vocabFlag() urfave.Flag {
	return &urfave.PathFlag{Name: "vocab", Usage: "use the vocabulary in `FILE`: an rwkv_vocab_*.txt or its JSON form, a tokenizer.json or a .gguf"}
}

// chosenVocab returns the vocabulary of the model or of --vocab, or World. model is empty or "-" if none is named.
func chosenVocab(c *urfave.Context, model string) (tokenizer.Tokenizer, error) {
	path := c.Path("vocab")
	switch named := model != "" && model != "-"; {
	case named && path != "":
		return nil, misuse(c, "%q and --vocab both name a vocabulary: choose one", model)
	case named:
		var err error
		if path, err = modelPath(c, model); err != nil {
			return nil, err
		}
	case path == "":
		return tokenizer.World(), nil
	}
	return convert.OpenVocabulary(c.Context, path)
}

func escapeFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "no-escape", Usage: `do not resolve escapes such as \n in arguments`, DisableDefaultText: true}
}

// argumentText returns a text given as an argument, with escapes resolved unless --no-escape is set.
func argumentText(c *urfave.Context, text string) string {
	if c.Bool("no-escape") {
		return text
	}
	return cmdline.Unescape(text)
}

// argumentTexts is argumentText for the values of a flag.
func argumentTexts(c *urfave.Context, flag string) []string {
	list := c.StringSlice(flag)
	for i := range list {
		list[i] = argumentText(c, list[i])
	}
	return list
}
