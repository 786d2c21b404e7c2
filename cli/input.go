package cli

import (
	"bytes"
	"context"
	"io"
	"os"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// readInput reads all of standard input, or less if the context ends first.
func readInput(c *urfave.Context) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(c.App.Reader)
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-c.Done():
		return nil, context.Cause(c.Context)
	}
}

// readText reads a text from a file, or standard input for "-", without the line end that editors and echo put last.
func readText(c *urfave.Context, path string) ([]byte, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = readInput(c)
	} else {
		data, err = os.ReadFile(path)
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	return bytes.TrimSuffix(data, []byte("\r")), err
}

// isTerminal reports whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
