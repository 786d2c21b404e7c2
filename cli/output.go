package cli

import (
	"bufio"
	"io"
	"os"

	urfave "github.com/urfave/cli/v2"

	"gosling/internal/atomicfile"
)

func forceFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "force", Usage: "replace the output if it exists", DisableDefaultText: true}
}

// notStdout refuses a flag that names standard output for what must be read again.
func notStdout(c *urfave.Context, flag string) error {
	if c.Path(flag) == "-" {
		return misuse(c, "--%s -: it is read again, which standard output cannot be: name a file", flag)
	}
	return nil
}

// bytesAtTerminal refuses to write bytes, which are no text, to a terminal.
func bytesAtTerminal(c *urfave.Context, what string) error {
	if c.Path("output") == "-" && isTerminal(c.App.Writer) {
		return misuse(c, "%s would write bytes to the terminal: add --output FILE", what)
	}
	return nil
}

// writeOutput lets write fill the file at path, which appears whole or not at all. "-" is standard output, and a device or a
// pipe is written to as it is.
func writeOutput(c *urfave.Context, path string, write func(io.Writer) error) error {
	if path == "-" {
		return buffered(c.App.Writer, write)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
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

func buffered(out io.Writer, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(out, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}
