package cli

import (
	"os"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
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
	return list.WriteText(c.App.Writer, os.Getenv("GOSLING_KERNELS"))
}
