package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

func recommendCommand() *urfave.Command {
	return &urfave.Command{
		Name: "recommend", Usage: "recommend a released model and its quantization for this machine",
		Description: `Looks at the memory of the machine, the speed of the memory, and the GPU if ggml finds one. Recommends a model by the
advice of RWKV's own documentation: RWKV-7 first, RWKV-6 only if no RWKV-7 of that size fits, older versions for
archives. Recommends the largest model that is still pleasant to read along with. File sizes are computed from the
models' tensors. Memory and speed are estimates. --ram and --vram describe another machine. --pull needs a network.

Examples:
  gosling recommend
  gosling recommend --pull
  gosling recommend --ram 16GiB --vram 8GiB --use code
  gosling recommend --use archive --json`,
		Flags: append([]urfave.Flag{
			&urfave.StringFlag{Name: "use", Value: "chat", Usage: "recommend a model for `USE`: " + strings.Join(fit.Uses(), ", ")},
			&urfave.BoolFlag{Name: "all", Usage: "list all models that run", DisableDefaultText: true},
			&urfave.BoolFlag{Name: "pull", Usage: "also download the recommended model, as \"gosling pull\" does", DisableDefaultText: true},
			jsonFlag(),
		}, append(machineFlags(), ggmlFlags()...)...),
		Action: recommend,
	}
}

// machineFlags returns the flags that describe another machine.
func machineFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{Name: "ram", Usage: "memory of the machine, such as `16GiB`", DefaultText: "this machine's"},
		&urfave.StringFlag{Name: "vram", Usage: "free memory of the GPU, such as `8GiB`; 0 is no GPU", DefaultText: "that of the best GPU"},
	}
}

func recommend(c *urfave.Context) error {
	if c.Args().Present() {
		return misuse(c, "unexpected argument %q", c.Args().First())
	}
	if !slices.Contains(fit.Uses(), c.String("use")) {
		return misuse(c, "--use %q: want one of %s", c.String("use"), strings.Join(fit.Uses(), ", "))
	}
	m, err := machine(c)
	if err != nil {
		return err
	}
	a, err := fit.Advise(m, c.String("use"))
	if err != nil {
		return err
	}
	if c.Bool("json") && c.Bool("pull") {
		return misuse(c, "--json prints the advice only: leave out --pull")
	}
	if c.Bool("json") {
		return jsontext.Write(c.App.Writer, a)
	}
	err = outfile.Buffered(c.App.Writer, func(w io.Writer) error {
		m.WriteText(w)
		if len(a.Models) == 0 {
			fmt.Fprintf(w, "No released model for %s runs in that: the smallest takes some hundred MiB.\n", a.Use)
			return nil
		}
		printModel(w, a.Use, a.Models[0])
		printModels(w, a.Models[1:], c.Bool("all"))
		return nil
	})
	if err != nil || !c.Bool("pull") || len(a.Models) == 0 {
		return err
	}
	return pullAndTell(c, a.Models[0].Pull)
}

// machine returns the machine that the flags describe, or this one, and how fast its memory is.
func machine(c *urfave.Context) (m fit.Machine, err error) {
	if m, err = memory(c); err != nil {
		return m, err
	}
	if !c.IsSet("ram") { // the speed of another machine's memory is not known
		if m.Bandwidth, err = bench.Bandwidth(c.Context, nil, m.Threads); !m.Bandwidth.Finite() {
			m.Bandwidth = 0 // unknown
		}
	}
	return m, err
}

// memory returns the memory of the machine that the flags describe, or of this one.
func memory(c *urfave.Context) (m fit.Machine, err error) {
	m.Host = fit.ThisHost()
	if c.IsSet("ram") {
		if m.RAM, err = fit.ParseMemory(c.String("ram")); err != nil || m.RAM == 0 {
			return m, misuse(c, "--ram %q: want a size such as 16GiB", c.String("ram"))
		}
	} else if m.RAM, err = fit.ThisRAM(); err != nil {
		return m, fmt.Errorf("the size of the memory: %w: give it with --ram", err)
	}
	if c.IsSet("vram") {
		if m.VRAM, err = fit.ParseMemory(c.String("vram")); err != nil {
			return m, misuse(c, "--vram %q: want a size such as 8GiB", c.String("vram"))
		}
		m.GPU = "a GPU"
	} else if !c.IsSet("ram") {
		o, _ := libraryOptions(c, "auto")
		list, _ := doctor.Devices(o) // without ggml, no GPU is used
		if d, ok := list.GPU(); ok {
			m.VRAM, m.GPU = d.Free, d.Name+" ("+d.Description+")"
		}
	}
	return m, nil
}

func printModel(w io.Writer, use string, m fit.Advised) {
	m.WriteText(w, use)
	command := "chat " + m.Pull
	if slices.Contains(m.Uses, "music") {
		command = fmt.Sprintf(`run %s --output song.mid ""`, m.Pull)
	}
	if slices.Contains(m.Uses, "abc") {
		command = fmt.Sprintf(`run %s --output tune.abc ""`, m.Pull)
	}
	fmt.Fprintf(w, "\n  gosling pull %s\n  gosling %s\n\n", m.Pull, command)
}

// shown is how many other models are printed without --all.
const shown = 8

func printModels(out io.Writer, models []fit.Advised, all bool) {
	if len(models) == 0 {
		return
	}
	fmt.Fprintln(out, "Others that run, with the names for \"gosling pull\":")
	more := len(models) - shown
	if more > 0 && !all {
		models = models[:shown]
	}
	fit.WriteModels(out, models)
	if more > 0 && !all {
		fmt.Fprintf(out, "  and %d more: --all\n", more)
	}
}
