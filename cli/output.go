package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/term"
)

func forceFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "force", Usage: "replace the output if it exists", DisableDefaultText: true}
}

// notStdout rejects standard output for a file that must be read again.
func notStdout(c *urfave.Context, flag string) error {
	if c.Path(flag) == "-" {
		return misuse(c, "--%s -: the file is read again, and standard output cannot be: name a file", flag)
	}
	return nil
}

// bytesAtTerminal refuses to write binary data to a terminal.
func bytesAtTerminal(c *urfave.Context, what string) error {
	if c.Path("output") == "-" && term.Is(c.App.Writer) {
		return misuse(c, "%s would write binary data to the terminal: add --output FILE", what)
	}
	return nil
}

// writeOutput lets write fill the file at path. The file appears whole or not at all. "-" means standard output. A device or a
// pipe is written directly. writeOutput never replaces a file that the command reads.
func writeOutput(c *urfave.Context, path string, write func(io.Writer) error) error {
	if path == "-" {
		return buffered(term.Text(c.App.Writer), write)
	}
	if err := separate(c, path); err != nil {
		return err
	}
	if streams(path) {
		f, err := infile.Sink(c.Context, path)
		if err != nil {
			return err
		}
		defer f.Close()
		return buffered(f, write)
	}
	f, err := atomicfile.Create(path, atomicfile.Options{Force: c.Bool("force")})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := buffered(f, write); err != nil {
		return err
	}
	return f.Commit()
}

// streams reports whether a path is a device or a pipe.
func streams(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// heeding is a writer that stops writing when its context ends, so that Ctrl-C stops long output.
type heeding struct {
	ctx context.Context
	io.Writer
}

func (h heeding) Write(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.Writer.Write(p)
}

func buffered(out io.Writer, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(out, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// output is a file that a command writes.
type output struct {
	path  string // "" and "-" mean no file
	begun bool   // it may exist already, to be continued or used
	file  bool   // it is written or read at any offset, so it cannot be standard output
}

// tryOutputs checks whether a command can write its outputs, before it computes for hours. No output may be one of the inputs,
// and no two may be the same file. Only --force replaces an existing file. New files must be possible in the same folder.
func tryOutputs(c *urfave.Context, outputs ...output) error {
	outputs = slices.DeleteFunc(slices.Clone(outputs), func(o output) bool { return o.path == "" || o.path == "-" && !o.file })
	for i, o := range outputs {
		if err := separate(c, o.path); err != nil {
			return err
		}
		if slices.ContainsFunc(outputs[:i], func(other output) bool { return samePlace(o.path, other.path) }) {
			return fmt.Errorf("%s: two outputs are the same file", o.path)
		}
		if streams(o.path) {
			continue
		}
		f, err := atomicfile.Create(o.path, atomicfile.Options{Force: o.begun || c.Bool("force")})
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// separate rejects an output that is also an input of the command, under any name: links lead to the same file, and on some file
// systems names may differ in case.
func separate(c *urfave.Context, output string) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil // there is nothing yet, or nothing that could be lost
	}
	for _, input := range inputs(c) {
		if in, err := os.Stat(input); err == nil && os.SameFile(in, out) {
			if input == output {
				return fmt.Errorf("%s: input and output are the same file", output)
			}
			return fmt.Errorf("%s and %s: input and output are the same file", output, input)
		}
	}
	return nil
}

// samePlace reports whether two paths lead to the same file, or would if it existed.
func samePlace(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	switch {
	case errA == nil && errB == nil:
		return os.SameFile(x, y)
	case errors.Is(errA, os.ErrNotExist) && errors.Is(errB, os.ErrNotExist):
		return filepath.Base(a) == filepath.Base(b) && sameFolder(filepath.Dir(a), filepath.Dir(b))
	}
	return false
}

func sameFolder(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
