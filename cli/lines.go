package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// lines is where a conversation's messages come from. Read returns io.EOF after the last message, and the context's error if the
// context ends first.
type lines interface {
	Read(ctx context.Context) (string, error)
}

// newLines reads from a terminal with editing and history, and otherwise plain lines.
func newLines(c *urfave.Context) lines {
	in, out := c.App.Reader, c.App.Writer
	if term.Is(in) && term.Is(out) {
		return term.NewEditor(term.File(in), term.File(out), "> ")
	}
	return &plainLines{c: c, in: bufio.NewReader(in)}
}

// plainLines reads the lines of a script.
type plainLines struct {
	c     *urfave.Context
	in    *bufio.Reader
	begun bool
}

func (p *plainLines) Read(ctx context.Context) (string, error) {
	return term.Await(ctx, func() (string, error) {
		if err := p.begin(); err != nil {
			return "", err
		}
		text, err := readLine(p.in, "standard input", messageLimit)
		if err == io.EOF && len(text) > 0 {
			err = nil
		}
		return strings.TrimRight(string(text), "\r\n"), err
	})
}

// readLine reads a line including its line end, or up to the end of the input. A line longer than limit is an error.
func readLine(in *bufio.Reader, name string, limit infile.Limit) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if err := limit.Check(name, int64(len(line)+len(part))); err != nil {
			return nil, err
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// begin looks at the first bytes. A text with a byte order mark is read as a whole and decoded. Other text is read line by line,
// because somebody may be typing it.
func (p *plainLines) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	first, _ := p.in.Peek(1) // an error will be returned again by the next read
	if string(first) == "\xef" {
		first, _ = p.in.Peek(3) // the length of every character that begins with this byte
	}
	switch string(first) {
	case "\x00", "\xfe", "\xff", "\xef\xbb\xbf":
	default:
		return nil
	}
	data, err := textLimit.All("standard input", p.in)
	if err != nil {
		return err
	}
	text, err := decodeText(p.c, "-", data)
	p.in = bufio.NewReader(bytes.NewReader(text))
	return err
}
