package tokenizer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// maxLine is the longest line of a vocabulary file: every byte of the longest token escaped in the longest way, and its numbers.
const maxLine = 10*MaxTokenBytes + 64

// ParseVocab reads a file rwkv_vocab_*.txt. A line holds one token: its id, a space, the token as a Python literal of a string or of bytes, a
// space, the number of its bytes. Ids may have any order and leave gaps. Single bytes may be missing; then Encode can fail. Row 0 is
// EndOfText unless the file uses it. Errors name the line.
func ParseVocab(r io.Reader) (*Vocab, error) {
	var b table
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	line, seen := 0, map[string]int{}
	for lines.Scan() {
		line++
		id, text, err := parseLine(lines.Bytes())
		if err == nil {
			err = addLine(&b, seen, line, id, text)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d: longer than %d bytes: not a vocabulary", line+1, maxLine)
	case err != nil:
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	case line == 0:
		return nil, errors.New("line 1: empty file, want a vocabulary with one token a line")
	}
	if !b.has(EndOfText) {
		b.put(EndOfText, endOfTextName, control)
	}
	return b.vocab()
}

func addLine(b *table, seen map[string]int, line int, id Token, text string) error {
	if b.has(id) {
		return fmt.Errorf("id %d is on an earlier line already", id)
	}
	if first := seen[text]; first > 0 {
		return fmt.Errorf("the token %s is on line %d already", excerpt.Of(text), first)
	}
	seen[text] = line
	b.put(id, text, normal)
	return nil
}

// parseLine splits a line at its first and its last space, for the literal may hold spaces.
func parseLine(line []byte) (Token, string, error) {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first == last {
		return 0, "", errors.New("want an id, a quoted token and its length, with spaces between")
	}
	id, err := strconv.ParseUint(string(line[:first]), 10, 32)
	if err != nil || id >= MaxRows {
		return 0, "", fmt.Errorf("id %s is not a number from 0 to %d", excerpt.Of(line[:first]), MaxRows-1)
	}
	size, err := strconv.ParseUint(string(line[last+1:]), 10, 32)
	if err != nil {
		return 0, "", fmt.Errorf("length %s is not a number", excerpt.Of(line[last+1:]))
	}
	text, err := parseLiteral(string(line[first+1 : last]))
	switch {
	case err != nil:
		return 0, "", fmt.Errorf("token %d: %w", id, err)
	case uint64(len(text)) != size:
		return 0, "", fmt.Errorf("token %d has %d bytes, its line says %d", id, len(text), size)
	case size == 0 || size > MaxTokenBytes:
		return 0, "", fmt.Errorf("token %d has %d bytes, want 1 to %d", id, size, MaxTokenBytes)
	}
	return Token(id), text, nil
}

// parseLiteral reads a Python literal, 'str', "str", b'bytes' or b"bytes", as Python's repr writes it. Strings become UTF-8.
func parseLiteral(s string) (string, error) {
	body, isBytes := strings.CutPrefix(s, "b")
	if len(body) < 2 || body[0] != '\'' && body[0] != '"' || body[len(body)-1] != body[0] {
		return "", errors.New("want the token in quotes, as Python writes it")
	}
	quote := body[0]
	body = body[1 : len(body)-1]
	text := make([]byte, 0, len(body))
	for len(body) > 0 {
		var err error
		text, body, err = appendLiteral(text, body, quote, isBytes)
		if err != nil {
			return "", err
		}
	}
	return string(text), nil
}
