package cli

import (
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/inspect"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

func inspectCommand() *urfave.Command {
	return &urfave.Command{
		Name: "inspect", Usage: "show what a .gguf, .pth or rwkv.cpp .bin file holds, or check it", ArgsUsage: "FILE",
		Description: `Prints the metadata and the tensors without loading them. Shapes are as in the file: fastest dimension first in GGUF,
last in the others. With --check every weight is read. The check covers the layout of the file, its checksums, everything
that convert or run would refuse, and numbers that are not finite. It prints everything that is wrong. The exit code is 1
if anything is wrong.

Examples:
  gosling inspect model.gguf
  gosling inspect --json model.pth | jq .totals
  gosling inspect --check model.gguf`,
		Flags: append([]urfave.Flag{
			jsonFlag(),
			&urfave.BoolFlag{Name: "check", Usage: "check the file, including every weight", DisableDefaultText: true},
			&urfave.BoolFlag{Name: "tensors", Usage: "print only the list of tensors", DisableDefaultText: true},
		}, ggmlFlags()...),
		Action: inspectAction,
	}
}

func inspectAction(c *urfave.Context) error {
	if c.NArg() != 1 {
		return misuse(c, "want one file, not %d arguments", c.NArg())
	}
	path, err := modelPath(c, c.Args().First())
	if err != nil {
		return err
	}
	if c.Bool("check") {
		return checkFile(c, path)
	}
	list, err := inspect.File(path)
	if err != nil {
		return err
	}
	return outfile.Buffered(heeding{c.Context, c.App.Writer}, func(w io.Writer) error {
		if c.Bool("json") {
			return list.WriteJSON(w)
		}
		if c.Bool("tensors") {
			list.WriteTensors(w)
			return nil
		}
		list.WriteText(w)
		return nil
	})
}
