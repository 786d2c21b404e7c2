package cli

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func devicesCommand() *urfave.Command {
	return &urfave.Command{
		Name: "devices", Usage: "list the devices that models can run on",
		Description: `Lists the devices of the ggml library that was found: the names that --device takes, their memory, and the CPU build and
the kernels that were chosen for this processor.

Examples:
  gosling devices
  gosling devices --json --ggml ~/ggml/lib`,
		Flags:  append([]urfave.Flag{jsonFlag(), kernelsFlag()}, ggmlFlags()...),
		Action: listDevices,
	}
}

func listDevices(c *urfave.Context) error {
	if c.Args().Present() {
		return misuse(c, "unexpected argument %q", c.Args().First())
	}
	o, named := libraryOptions(c, "auto")
	list, err := doctor.Devices(o)
	if err != nil {
		return doctor.OnFinding(named, err)
	}
	if c.Bool("json") {
		return jsontext.Write(c.App.Writer, list)
	}
	return printDevices(c.App.Writer, list)
}

func printDevices(out io.Writer, list doctor.DeviceList) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tMEMORY FREE\tTOTAL\tBACKEND\tDESCRIPTION")
	for _, d := range list.Devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, d.Type, units.Bytes(d.Free), units.Bytes(d.Total), d.Backend, d.Description)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	variant := list.Variant
	if variant == "" {
		variant = "the only one there is"
	}
	_, err := fmt.Fprintf(out, "\nggml %s from %s\nCPU variant: %s\nKernels: %s\n", list.GGML, list.Libraries, variant, list.KernelsText(os.Getenv("GOSLING_KERNELS")))
	return err
}
