package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/inspect"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
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
	path, err := modelPath(c.Args().First())
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
		if !c.Bool("tensors") {
			printMetadata(w, list)
		}
		printTensors(w, list)
		if !c.Bool("tensors") {
			printTotals(w, list)
			printMemory(w, list)
		}
		return nil
	})
}

func printMetadata(out io.Writer, l *inspect.Listing) {
	fmt.Fprintf(out, "%s: %s, %s\n\n", l.Path, l.Format, units.Bytes(l.Size))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, kv := range l.Metadata {
		fmt.Fprintf(w, "%s\t%s\n", term.Visible(kv.Key), inspect.Brief(kv.Value))
	}
	w.Flush()
	if len(l.Metadata) > 0 {
		fmt.Fprintln(out)
	}
}

func printTensors(out io.Writer, l *inspect.Listing) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range l.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", term.Visible(t.Name), t.Type, t.Shape, units.Bytes(t.Size))
	}
	w.Flush()
}

func printTotals(out io.Writer, l *inspect.Listing) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, tensors int, parameters, bytes int64) {
		fmt.Fprintf(w, "%s\t%d tensors\t%s parameters\t%s\t\n", name, tensors, units.Grouped(parameters), units.Bytes(bytes))
	}
	for _, t := range l.Totals.Types {
		row(t.Type, t.Tensors, t.Parameters, t.Bytes)
	}
	row("all", l.Totals.Tensors, l.Totals.Parameters, l.Totals.Bytes)
	w.Flush()
	fmt.Fprintf(out, "%.2f bits per weight\n", l.Totals.BitsPerWeight)
}

// printMemory prints the memory for running the model in each type.
func printMemory(out io.Writer, l *inspect.Listing) {
	if l.Memory == nil {
		return
	}
	fmt.Fprint(out, "\nto run it, about:\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tFILE\tMEMORY ON THE CPU\tON A GPU\tAND BESIDE IT")
	rows := l.Memory
	if l.AsItIs != nil {
		as := *l.AsItIs
		as.Mix = "as it is"
		rows = append([]fit.Row{as}, rows...)
	}
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Mix, units.Bytes(r.Size), units.Bytes(r.RAM), units.Bytes(r.VRAM), units.Bytes(r.HostRAM))
	}
	w.Flush()
}
