package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	urfave "github.com/urfave/cli/v2"
	xterm "golang.org/x/term"

	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// lines is where a conversation's messages come from. Read returns io.EOF after the last one and the context's error when
// that ends first.
type lines interface {
	Read(ctx context.Context) (string, error)
}

// newLines reads from a terminal with editing and history, or else plain lines.
func newLines(c *urfave.Context) lines {
	in, out := c.App.Reader, c.App.Writer
	if term.Is(in) && term.Is(out) {
		return newTerminalLines(term.File(in), term.File(out))
	}
	return &plainLines{c: c, in: bufio.NewReader(in)}
}

type line struct {
	text string
	err  error
}

// plainLines reads a script.
type plainLines struct {
	c     *urfave.Context
	in    *bufio.Reader
	begun bool
}

func (p *plainLines) Read(ctx context.Context) (string, error) {
	return await(ctx, func() (string, error) {
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

// readLine reads up to the end of a line, with it, or of the input. A longer one than limit is an error.
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

// begin looks at the first bytes. Text behind a byte order mark is read whole and decoded; other text is read as its lines
// come, since somebody may be writing them.
func (p *plainLines) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	first, _ := p.in.Peek(1) // an error comes again
	if string(first) == "\xef" {
		first, _ = p.in.Peek(3) // as long as any character that begins so
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

// await runs read, which nothing can interrupt, until it or the context ends.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	done := make(chan line, 1)
	go func() {
		text, err := read()
		done <- line{text, err}
	}()
	select {
	case l := <-done:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// terminalLines edits lines. The terminal is raw only while a line is read, so that in between Ctrl-C is a signal.
type terminalLines struct {
	in, out *os.File
	editor  *xterm.Terminal
}

func newTerminalLines(in, out *os.File) *terminalLines {
	screen := struct {
		io.Reader
		io.Writer
	}{&ctrlC{in: in}, out}
	return &terminalLines{in, out, xterm.NewTerminal(screen, "> ")}
}

func (t *terminalLines) Read(ctx context.Context) (string, error) {
	before, err := xterm.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return "", err
	}
	defer xterm.Restore(int(t.in.Fd()), before)
	if width, height, err := xterm.GetSize(int(t.out.Fd())); err == nil && width > 0 {
		_ = t.editor.SetSize(width, height) // a size that it cannot use changes nothing
	}
	t.editor.SetBracketedPasteMode(true)
	defer t.editor.SetBracketedPasteMode(false)
	return await(ctx, func() (string, error) {
		var text []string
		for {
			one, err := t.editor.ReadLine()
			text = append(text, one)
			if !errors.Is(err, xterm.ErrPasteIndicator) { // a pasted line is one of several
				return strings.Join(text, "\n"), err
			}
		}
	})
}

// ctrlC lets Ctrl-C empty a line and end the input only if the line is empty already, where the editor would end in any
// case. It does so in keys that the editor knows: end of line, Ctrl-D, which ends the input on an empty line, and kill line.
type ctrlC struct {
	in      io.Reader
	waiting []byte
}

func (c *ctrlC) Read(p []byte) (int, error) {
	if len(c.waiting) == 0 {
		buf := make([]byte, 256)
		n, err := c.in.Read(buf)
		if n == 0 {
			return 0, err
		}
		c.waiting = []byte(strings.ReplaceAll(string(buf[:n]), "\x03", "\x05\x04\x15"))
	}
	n := copy(p, c.waiting)
	c.waiting = c.waiting[n:]
	return n, nil
}
