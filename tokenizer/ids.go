package tokenizer

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ParseIDs parses token ids that are separated by blanks or commas. It does not check whether a vocabulary has them.
func ParseIDs(text string) ([]Token, error) {
	tokens := make([]Token, 0, min(len(text)/2+1, 1<<16))
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' }) {
		id, err := strconv.ParseInt(word, 10, 64)
		if err != nil || id < 0 || id > math.MaxInt32 {
			return nil, fmt.Errorf("%.40q is not a token id", word)
		}
		tokens = append(tokens, Token(id))
	}
	return tokens, nil
}

// WriteIDs writes ids separated by blanks, and a line end.
func WriteIDs(w io.Writer, tokens []Token) error {
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

// WritePieces writes a line for each token: its id and the bytes that it stands for, quoted as in Go.
func WritePieces(out io.Writer, vocab Tokenizer, tokens []Token) error {
	w := bufio.NewWriter(out)
	lines := map[Token]string{} // cached, because a text may have a hundred million tokens
	for _, t := range tokens {
		line, ok := lines[t]
		if !ok {
			piece, _ := vocab.Bytes(t)
			line = fmt.Sprintf("%6d  %q\n", t, piece)
			lines[t] = line
		}
		if _, err := w.WriteString(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// WriteText writes the text of the tokens, as vocab.Decode returns it. It writes the text in parts, because the text may be a
// thousand times as long as the tokens.
func WriteText(out io.Writer, vocab Tokenizer, tokens []Token) error {
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
		if _, words := vocab.(*Words); words {
			between = " "
		}
	}
	return nil
}
