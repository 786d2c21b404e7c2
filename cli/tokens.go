package cli

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/convert"
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
		if path, err = modelPath(model); err != nil {
			return nil, err
		}
	case path == "":
		return tokenizer.World(), nil
	}
	return convert.OpenVocabulary(c.Context, path)
}

// parseTokens parses ids that are separated by blanks or commas.
func parseTokens(text string) ([]tokenizer.Token, error) {
	tokens := make([]tokenizer.Token, 0, min(len(text)/2+1, 1<<16))
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' }) {
		id, err := strconv.ParseInt(word, 10, 64)
		if err != nil || id < 0 || id > math.MaxInt32 {
			return nil, fmt.Errorf("%.40q is not a token id", word)
		}
		tokens = append(tokens, tokenizer.Token(id))
	}
	return tokens, nil
}

// printTokens writes ids separated by blanks, and a line end.
func printTokens(w io.Writer, tokens []tokenizer.Token) error {
	line := make([]byte, 0, 64<<10)
	for i, t := range tokens {
		if i > 0 {
			line = append(line, ' ')
		}
		line = strconv.AppendInt(line, int64(t), 10)
		if len(line) > cap(line)-16 {
			if _, err := w.Write(line); err != nil {
				return err
			}
			line = line[:0]
		}
	}
	_, err := w.Write(append(line, '\n'))
	return err
}

// unescape resolves \n \r \t \\ \' \" and \xHH. Other backslashes stay.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b bytes.Buffer
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch next := text[i]; next {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case '\\', '\'', '"':
			b.WriteByte(next)
		case 'x':
			if i+2 < len(text) {
				if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
					b.WriteByte(byte(v))
					i += 2
					continue
				}
			}
			b.WriteString(`\x`)
		default:
			b.WriteByte('\\')
			b.WriteByte(next)
		}
	}
	return b.String()
}

func escapeFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "no-escape", Usage: `do not resolve escapes such as \n in arguments`, DisableDefaultText: true}
}

// argumentText returns a text given as an argument, with escapes resolved unless --no-escape is set.
func argumentText(c *urfave.Context, text string) string {
	if c.Bool("no-escape") {
		return text
	}
	return unescape(text)
}
