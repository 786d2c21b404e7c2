package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// endOfTextName is how GGUF files name row 0. It is a name, not text: "<s>" in a prompt is three tokens.
const endOfTextName = "<s>"

// FromTokens makes a vocabulary from the GGUF keys tokenizer.ggml.tokens and tokenizer.ggml.token_type, for a tokenizer.ggml.model of
// "rwkv". Without types all tokens are normal. Control and unknown tokens never match text. Unused rows are not tokens.
func FromTokens(tokens []string, types []int32) (*Vocab, error) {
	b, err := rowsFromGGUF(tokens, types, unescapeText)
	if err != nil {
		return nil, err
	}
	v, err := b.vocab()
	if err == nil && v.Len() == World().Len() {
		v.name = World().name
	}
	return v, err
}

func unescapeText(escaped string, k kind) (string, error) {
	if k.matches() {
		return unescape(escaped)
	}
	return escaped, nil
}

// charsFromGGUF reads a vocabulary of characters: its control tokens are silent ones.
func charsFromGGUF(m Metadata, tokens []string, types []int32) (*Vocab, error) {
	b, err := rowsFromGGUF(tokens, types, func(escaped string, _ kind) (string, error) { return unescape(escaped) })
	if err != nil {
		return nil, err
	}
	for i, k := range b.kinds {
		if k == control {
			b.kinds[i] = silent
		}
	}
	v, err := b.vocab()
	if err != nil {
		return nil, err
	}
	v.model, v.name, v.marks = modelChar, "characters", marksOf(m)
	return v, nil
}

// Keys returns the vocabulary as metadata of a GGUF file. count is the number of the model's rows, at least Len.
func (v *Vocab) Keys(count int) []Key {
	tokens, types := v.GGUFTokens(count)
	return keysFor(v.model, tokens, types, v.marks)
}

// GGUFTokens returns the values of the GGUF keys tokenizer.ggml.tokens and tokenizer.ggml.token_type for a model with the given number of
// rows, at least Len. Rows without a token are called [PAD<id>] and marked unused, as in files of llama.cpp's converter.
func (v *Vocab) GGUFTokens(count int) (tokens []string, types []int32) {
	return v.tokensFor(count, func(text string, k kind) string {
		if k.matches() {
			return escape(text)
		}
		return text
	})
}

// escape writes bytes as Python's repr does between the quotes of a bytes literal.
func escape(text string) string {
	// Python chooses so where it makes a difference: the other quote is not in the text, or both are.
	quote := byte('"')
	if strings.Contains(text, `"`) {
		quote = '\''
	}
	var out strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '\\' || c == quote:
			out.Write([]byte{'\\', c})
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\t':
			out.WriteString(`\t`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&out, `\x%02x`, c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// unescape reads what escape writes, and as llama.cpp any other character after a backslash as itself.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if len(s) < 2 {
			return "", errors.New("ends with a lone backslash")
		}
		c := s[1]
		s = s[2:]
		switch c {
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'x':
			code, ok := hex(s, 2)
			if !ok {
				return "", errors.New(`escape \x wants 2 hexadecimal digits`)
			}
			c, s = byte(code), s[2:]
		}
		out = append(out, c)
	}
	return string(out), nil
}
