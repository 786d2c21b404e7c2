// Package term decides what may reach a terminal. A terminal interprets some characters: they move the cursor, change the screen,
// or make the terminal answer as if somebody typed. Files may contain such characters, and models may generate them.
//
// There are two ways to write to an Output. Output.Write is for messages and tables: it always makes control characters visible.
// Text is for long texts of models and files: it removes escape sequences if the output is a terminal, and otherwise changes
// nothing. Only this package and lineedit write control sequences.
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
	rest []byte // the start of a character that is not complete yet
}

// NewOutput returns an Output that writes to out.
func NewOutput(out io.Writer) *Output { return &Output{out: out} }

// Write writes text and makes control characters visible, except for line ends and tabs.
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

// Close writes the rest of a text that ended inside a character. It does not close the underlying writer.
func (o *Output) Close() error {
	rest := string(o.rest)
	o.rest = nil
	if rest == "" {
		return nil
	}
	_, err := io.WriteString(o.out, visible(rest))
	return err
}

// Redirect makes an Output write to out from now on.
func (o *Output) Redirect(out io.Writer) { o.out = out }

func (o *Output) inner() any { return o.out }

// unfinished returns the incomplete character at the end of a text.
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

// raw returns an Output's underlying writer, for bytes that must arrive unchanged. It returns other writers as they are.
func raw(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.out
	}
	return w
}

// Text returns a writer for generated text. If w is a terminal, it removes escape sequences and control characters other than
// line ends and tabs. Otherwise it changes nothing.
func Text(w io.Writer) io.Writer {
	w = raw(w)
	if Is(w) {
		return &plain{out: w}
	}
	return w
}

// File returns the file that a stream reads from or writes to, or nil if it is not a file.
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

// width returns the number of columns of a terminal, or 80 if it is unknown.
func width(stream any) int {
	if f := File(stream); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 {
			return width
		}
	}
	return 80
}
