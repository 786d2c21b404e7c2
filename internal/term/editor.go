package term

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Editor lets a person edit lines and brings back earlier ones. The terminal is in raw mode only while a line is read. Between
// lines, Ctrl-C is a signal. An Editor belongs to one goroutine at a time.
type Editor struct {
	in, out *os.File
	editor  *term.Terminal
}

// NewEditor returns an editor for a terminal. It shows prompt before each line.
func NewEditor(in, out *os.File, prompt string) *Editor {
	screen := struct {
		io.Reader
		io.Writer
	}{&ctrlC{in: in}, out}
	return &Editor{in, out, term.NewTerminal(screen, prompt)}
}

// Read returns the next line, or several lines that were pasted at once. It returns io.EOF at the end of the input, which is
// Ctrl-D, or Ctrl-C on an empty line. If ctx ends first, it returns ctx's error.
func (t *Editor) Read(ctx context.Context) (string, error) {
	before, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(t.in.Fd()), before)
	if width, height, err := term.GetSize(int(t.out.Fd())); err == nil && width > 0 {
		_ = t.editor.SetSize(width, height) // an unusable size changes nothing
	}
	t.editor.SetBracketedPasteMode(true)
	defer t.editor.SetBracketedPasteMode(false)
	return Await(ctx, func() (string, error) {
		var text []string
		for {
			one, err := t.editor.ReadLine()
			text = append(text, one)
			if !errors.Is(err, term.ErrPasteIndicator) { // a pasted line: more may follow
				return strings.Join(text, "\n"), err
			}
		}
	})
}

// ctrlC makes Ctrl-C clear a line, and end the input only on an empty line. The editor alone would always end. It replaces Ctrl-C
// by keys that the editor knows: end of line, Ctrl-D, which ends the input on an empty line, and kill line.
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

// Await runs read, which cannot be interrupted, until it or the context ends.
func Await(ctx context.Context, read func() (string, error)) (string, error) {
	type line struct {
		text string
		err  error
	}
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
