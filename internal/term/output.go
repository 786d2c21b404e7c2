// Package term decides what may reach a terminal. A terminal obeys some characters: they move the cursor, change the screen, or make the
// terminal answer as if somebody typed. Files may hold such characters, and models may generate them.
//
// An Output has three ways to write. Write is for messages and tables: it makes the characters that a terminal would obey visible,
// wherever the output goes. Text is for long texts of models and files: it leaves out escape sequences if the output is a terminal, and
// otherwise changes nothing. Raw is for bytes, and for what the program itself wants the terminal to do.
package term

import (
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"
)

// Output is standard output or standard error. One goroutine at a time may write to it.
type Output struct {
	out  io.Writer
	rest []byte // the beginning of a character whose end was not written yet
}

// NewOutput returns an Output that writes to out.
func NewOutput(out io.Writer) *Output { return &Output{out: out} }

// Write writes text with every character visible that a terminal would obey, other than line ends and tabs.
func (o *Output) Write(p []byte) (int, error) {
	all := append(o.rest, p...)
	whole := len(all) - len(unfinished(all))
	_, err := io.WriteString(o.out, visible(string(all[:whole])))
	o.rest = append([]byte(nil), all[whole:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what is left of a text that ended within a character. It does not close what the output writes to.
func (o *Output) Close() error {
	rest := string(o.rest)
	o.rest = nil
	if rest == "" {
		return nil
	}
	_, err := io.WriteString(o.out, visible(rest))
	return err
}

// Redirect lets an Output write to out from here on.
func (o *Output) Redirect(out io.Writer) { o.out = out }

func (o *Output) inner() any { return o.out }

// unfinished is the end of a text that is the beginning of a character.
func unfinished(text []byte) []byte {
	for i := len(text) - 1; i >= 0 && i > len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRune(text[i:]) {
				return nil
			}
			return text[i:]
		}
	}
	return nil
}

// Raw returns what an Output writes to, for bytes that must arrive as they are. Other writers are returned as they are.
func Raw(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.out
	}
	return w
}

// Text returns a writer for generated text: without escape sequences and control characters other than line ends and tabs if w is a
// terminal, and as it is otherwise.
func Text(w io.Writer) io.Writer {
	w = Raw(w)
	if Is(w) {
		return &plain{out: w}
	}
	return w
}

// File returns the file that a stream reads from or writes to, nil if it is none.
func File(stream any) *os.File {
	for {
		switch s := stream.(type) {
		case *os.File:
			return s
		case interface{ inner() any }:
			stream = s.inner()
		default:
			return nil
		}
	}
}

// Is reports whether a stream is a terminal.
func Is(stream any) bool {
	f := File(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// Width is the columns of a terminal, 80 if it does not tell.
func Width(stream any) int {
	if f := File(stream); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 {
			return width
		}
	}
	return 80
}
