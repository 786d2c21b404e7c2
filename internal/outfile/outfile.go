// Package outfile writes a command's files so that none of its inputs can be lost. An output appears whole or not at all. It must
// not be an input under any name, and it replaces another file only if the caller demands it.
package outfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// Guard keeps the outputs of a command apart from its inputs.
type Guard struct {
	Inputs func() []string // lists the files that the command reads, some of which may not exist; called only if an output exists
	Force  bool            // replace files
}

// inputs returns the files that the command reads.
func (g Guard) inputs() []string {
	if g.Inputs == nil {
		return nil
	}
	return g.Inputs()
}

// Output is a file that a command writes.
type Output struct {
	Path  string // "" and "-" mean no file
	Begun bool   // it may exist already, to be continued or used
	File  bool   // it is written or read at any offset, so it cannot be standard output
}

// Write lets write fill the file at path. The file appears whole or not at all. A device or a pipe is written directly, until ctx
// ends.
func (g Guard) Write(ctx context.Context, path string, write func(io.Writer) error) error {
	if err := g.Separate(path); err != nil {
		return err
	}
	if streams(path) {
		f, err := infile.Sink(ctx, path)
		if err != nil {
			return err
		}
		defer f.Close()
		return Buffered(f, write)
	}
	f, err := atomicfile.Create(path, atomicfile.Options{Force: g.Force})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := Buffered(f, write); err != nil {
		return err
	}
	return f.Commit()
}

// streams reports whether a path is a device or a pipe.
func streams(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Buffered lets write write to out through a large buffer.
func Buffered(out io.Writer, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(out, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// Try checks whether a command can write its outputs, before it computes for hours. No output may be one of the inputs, and no
// two may be the same file. Only Force allows replacing an existing file. It must be possible to create files in the same folder.
func (g Guard) Try(outputs ...Output) error {
	outputs = slices.DeleteFunc(slices.Clone(outputs), func(o Output) bool { return o.Path == "" || o.Path == "-" && !o.File })
	for i, o := range outputs {
		if err := g.Separate(o.Path); err != nil {
			return err
		}
		if slices.ContainsFunc(outputs[:i], func(other Output) bool { return samePlace(o.Path, other.Path) }) {
			return fmt.Errorf("%s: two outputs are the same file", o.Path)
		}
		if streams(o.Path) {
			continue
		}
		f, err := atomicfile.Create(o.Path, atomicfile.Options{Force: o.Begun || g.Force})
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Separate rejects an output that is also an input of the command, under any name: links lead to the same file, and on some file
// systems names may differ in case.
func (g Guard) Separate(output string) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil // there is nothing yet, or nothing that could be lost
	}
	for _, input := range g.inputs() {
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
