package cli

import (
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/manual"
)

func manCommand() *urfave.Command {
	return &urfave.Command{
		Name: "man", Usage: "write the manual pages", ArgsUsage: "DIR",
		Description: `Writes gosling.1 and a page for each command, such as gosling-run.1, to a folder, and creates the folder if needed. The
pages have the same content as "gosling COMMAND --help". "make install" puts them where "man" finds them.

Examples:
  gosling man ~/.local/share/man/man1
  gosling man /tmp/pages && man -l /tmp/pages/gosling-run.1`,
		Flags:  []urfave.Flag{forceFlag()},
		Action: writeManual,
	}
}

func writeManual(c *urfave.Context) error {
	dir := c.Args().First()
	if c.NArg() != 1 || dir == "" {
		return misuse(c, "want one folder for the pages")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, write := range manual.Pages(c.App, version()) {
		if err := writeOutput(c, filepath.Join(dir, name+".1"), write); err != nil {
			return err
		}
	}
	return nil
}
