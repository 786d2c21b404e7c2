package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
	"golang.org/x/term"

	"gosling/internal/filekind"
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

// readText reads a text from a file, or standard input for "-", without the line end that editors and echo put last. It refuses
// what Git leaves in place of a large file, and tells of a web page, which may be the error of a download.
func readText(c *urfave.Context, path string) ([]byte, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = readInput(c)
	} else {
		data, err = os.ReadFile(path)
	}
	if filekind.IsPointer(data) {
		return nil, fmt.Errorf("%s: %s", textName(path), filekind.Recognize(data, "text"))
	}
	if path != "-" && filekind.IsPage(data) && !marked(path) {
		fmt.Fprintf(c.App.ErrWriter, "note: %s is a web page or XML, and is read with its tags; if it was downloaded, look whether the download gave an error\n", path)
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	return bytes.TrimSuffix(data, []byte("\r")), err
}

// marked reports whether a file's name says that its text has tags.
func marked(path string) bool {
	return slices.Contains([]string{".html", ".htm", ".xhtml", ".xml", ".svg"}, strings.ToLower(filepath.Ext(path)))
}

// isTerminal reports whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
