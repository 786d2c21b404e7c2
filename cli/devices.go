package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/ggml"
)

func devicesCommand() *urfave.Command {
	return &urfave.Command{
		Name: "devices", Usage: "list what models can run on",
		Description: `Lists the devices of the ggml library that was found: the names that --device takes, their memory, and
the build of the CPU's code that was chosen for this processor.

Examples:
  gosling devices
  gosling devices --json --ggml ~/ggml/lib`,
		Flags:  append([]urfave.Flag{jsonFlag()}, ggmlFlags()...),
		Action: listDevices,
	}
}

// deviceList is the JSON form of the list.
type deviceList struct {
	GGML      string       `json:"ggml"` // version
	Libraries string       `json:"libraries"`
	Variant   string       `json:"cpu_variant,omitempty"`
	Devices   []deviceInfo `json:"devices"`
}

type deviceInfo struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Backend     string   `json:"backend"`
	Description string   `json:"description"`
	Free        int64    `json:"memory_free"`
	Total       int64    `json:"memory_total"`
	Features    []string `json:"features,omitempty"`
}

func listDevices(c *urfave.Context) error {
	if c.Args().Present() {
		return misuse(c, "unexpected argument %q", c.Args().First())
	}
	lib, err := openGGML(c, "auto")
	if err != nil {
		return err
	}
	list := describeDevices(lib)
	if c.Bool("json") {
		return writeJSON(c.App.Writer, list)
	}
	return printDevices(c.App.Writer, list)
}

func describeDevices(lib *ggml.Library) deviceList {
	list := deviceList{GGML: lib.Version(), Libraries: lib.Dir(), Variant: lib.CPUVariant()}
	if list.Libraries == "" {
		list.Libraries = "the system's loader path"
	}
	for _, d := range lib.Devices() {
		info := deviceInfo{Name: d.Name, Type: string(d.Type), Backend: d.Backend, Description: d.Description, Features: d.Features()}
		info.Free, info.Total = d.Memory()
		list.Devices = append(list.Devices, info)
	}
	return list
}

func printDevices(out io.Writer, list deviceList) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tMEMORY FREE\tTOTAL\tBACKEND\tDESCRIPTION")
	for _, d := range list.Devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, d.Type, bytesText(d.Free), bytesText(d.Total), d.Backend, d.Description)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	variant := list.Variant
	if variant == "" {
		variant = "the only one there is"
	}
	_, err := fmt.Fprintf(out, "\nggml %s from %s\nCPU variant: %s\n", list.GGML, list.Libraries, variant)
	return err
}
