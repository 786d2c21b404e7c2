package intext

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Lines reads a text line by line as it arrives, because somebody may be typing it. A text with a byte order mark is read as a
// whole and decoded.
type Lines struct {
	name  string
	in    *bufio.Reader
	limit infile.Limit
	note  func(string)
	begun bool
}

// NewLines returns the lines of in. name says where in comes from, limit is for one line, and note receives the notes of Decode.
func NewLines(name string, in io.Reader, limit infile.Limit, note func(string)) *Lines {
	return &Lines{name: name, in: bufio.NewReader(in), limit: limit, note: note}
}

// Next returns the next line without its line end, or io.EOF after the last one.
func (l *Lines) Next() (string, error) {
	if !l.begun {
		l.begun = true
		if err := l.decode(); err != nil {
			return "", err
		}
	}
	text, err := l.line()
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	return strings.TrimRight(string(text), "\r\n"), err
}

// line reads a line including its line end, or up to the end of the input.
func (l *Lines) line() ([]byte, error) {
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		if err := l.limit.Check(l.name, int64(len(line)+len(part))); err != nil {
			return nil, err
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// decode looks at the first bytes, and decodes the text if they belong to a byte order mark.
func (l *Lines) decode() error {
	first, _ := l.in.Peek(1) // an error will be returned again by the next read
	if string(first) == "\xef" {
		first, _ = l.in.Peek(3) // the length of every character that begins with this byte
	}
	switch string(first) {
	case "\x00", "\xfe", "\xff", "\xef\xbb\xbf":
	default:
		return nil
	}
	data, err := Limit.All(l.name, l.in)
	if err != nil {
		return err
	}
	text, notes, err := Decode(l.name, data)
	for _, n := range notes {
		l.note(n)
	}
	l.in = bufio.NewReader(bytes.NewReader(text))
	return err
}
