package term

import (
	"context"
	"fmt"
	"io"
	"strings"
)

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

// CanAsk reports whether a person reads out and answers at in.
func CanAsk(in io.Reader, out io.Writer) bool { return Is(in) && Is(out) }

// Ask asks a question on out and reads the answer from in, a line. An empty line, and the end of the input, means byDefault.
func Ask(ctx context.Context, in io.Reader, out io.Writer, question string, byDefault bool) (bool, error) {
	fmt.Fprintf(out, "%s [%s] ", question, map[bool]string{true: "Y/n", false: "y/N"}[byDefault])
	line, err := Await(ctx, func() (string, error) {
		var text []byte
		for one := make([]byte, 1); ; { // what follows the line is not for us
			n, err := in.Read(one)
			if n > 0 && one[0] != '\n' {
				text = append(text, one[0])
			}
			if err != nil || n > 0 && one[0] == '\n' {
				return string(text), nil
			}
		}
	})
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "":
		return byDefault, err
	case "y", "yes":
		return true, err
	}
	return false, err
}
