package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// endOfTextName is how GGUF files name row 0. It is a name, not text: "<s>" in a prompt is three tokens.
const endOfTextName = "<s>"

// FromTokens makes a vocabulary of GGUF's tokenizer.ggml.tokens and tokenizer.ggml.token_type, for a tokenizer.ggml.model of
// "rwkv". Without types all tokens are normal. Control and unknown tokens are never matched in text, unused rows are no tokens
// at all.
func FromTokens(tokens []string, types []int32) (*Vocab, error) {
	if len(types) != 0 && len(types) != len(tokens) {
		return nil, fmt.Errorf("%d tokens have %d types: want one each", len(tokens), len(types))
	}
	if len(tokens) > maxRows {
		return nil, fmt.Errorf("%d tokens, want at most %d", len(tokens), maxRows)
	}
	var b table
	for i, escaped := range tokens {
		k := normal
		if len(types) != 0 {
			k = kind(types[i])
			if types[i] < int32(normal) || types[i] > int32(byteToken) {
				return nil, fmt.Errorf("token %d has the unknown type %d", i, types[i])
			}
		}
		if k == unused {
			continue
		}
		text, err := rowText(escaped, k)
		if err != nil {
			return nil, fmt.Errorf("token %d: %w", i, err)
		}
		b.put(Token(i), text, k)
	}
	return b.vocab()
}

func rowText(escaped string, k kind) (string, error) {
	text, err := escaped, error(nil)
	if k.matches() {
		text, err = unescape(escaped)
	}
	if err == nil && len(text) > maxTokenBytes {
		err = fmt.Errorf("%d bytes, want at most %d", len(text), maxTokenBytes)
	}
	return text, err
}

// GGUFTokens returns the vocabulary as GGUF's tokenizer.ggml.tokens and tokenizer.ggml.token_type, for a model with the given
// number of rows, which is at least Len. Rows that are no tokens are called [PAD<id>] and marked unused, as llama.cpp's
// converter does.
func (v *Vocab) GGUFTokens(rows int) (tokens []string, types []int32) {
	tokens, types = make([]string, rows), make([]int32, rows)
	for i := range tokens {
		t, k := Token(i), absent
		if i < len(v.kinds) {
			k = v.kinds[i]
		}
		switch {
		case k == absent:
			tokens[i], k = fmt.Sprintf("[PAD%d]", i), unused
		case k.matches():
			tokens[i] = escape(v.at(t))
		default:
			tokens[i] = v.at(t)
		}
		types[i] = int32(k)
	}
	return tokens, types
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
