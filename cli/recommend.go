package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/units"
)

func recommendCommand() *urfave.Command {
	return &urfave.Command{
		Name: "recommend", Usage: "recommend a released model and its quantization for this machine",
		Description: `Looks at the memory of the machine, the speed of the memory, and the GPU if ggml finds one. Recommends a model by the
advice of RWKV's own documentation: RWKV-7 first, RWKV-6 only if no RWKV-7 of that size fits, older versions for
archives. Recommends the largest model that is still pleasant to read along with. File sizes are computed from the
models' tensors. Memory and speed are estimates. --ram and --vram describe another machine.

Examples:
  gosling recommend
  gosling recommend --ram 16GiB --vram 8GiB --use code
  gosling recommend --use archive --json`,
		Flags: append([]urfave.Flag{
			&urfave.StringFlag{Name: "use", Value: "chat", Usage: "recommend a model for `USE`: " + strings.Join(fit.Uses(), ", ")},
			&urfave.StringFlag{Name: "ram", Usage: "memory of the machine, such as `16GiB`", DefaultText: "this machine's"},
			&urfave.StringFlag{Name: "vram", Usage: "free memory of the GPU, such as `8GiB`; 0 is no GPU", DefaultText: "that of the best GPU"},
			&urfave.BoolFlag{Name: "all", Usage: "list all models that run", DisableDefaultText: true},
			jsonFlag(),
		}, ggmlFlags()...),
		Action: recommend,
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
	if c.Bool("json") {
		return jsontext.Write(c.App.Writer, a)
	}
	return outfile.Buffered(c.App.Writer, func(w io.Writer) error {
		printMachine(w, m)
		if len(a.Models) == 0 {
			fmt.Fprintf(w, "No released model for %s runs in that: the smallest takes some hundred MiB.\n", a.Use)
			return nil
		}
		printModel(w, a.Use, a.Models[0])
		printModels(w, a.Models[1:], c.Bool("all"))
		return nil
	})
}

// machine returns the machine that the flags describe, or this one.
func machine(c *urfave.Context) (m fit.Machine, err error) {
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
	if !c.IsSet("ram") { // the speed of another machine's memory is not known
		if m.Bandwidth, err = bench.Bandwidth(c.Context, nil, m.Threads); !m.Bandwidth.Finite() {
			m.Bandwidth = 0 // unknown
		}
	}
	return m, err
}

func printMachine(w io.Writer, m fit.Machine) {
	fmt.Fprintf(w, "Counting on %s of %s of memory", units.Bytes(m.Usable()), units.Bytes(m.RAM))
	if m.Bandwidth > 0 {
		fmt.Fprintf(w, ", read at %s/s by %d threads", units.Bytes(int64(m.Bandwidth)), m.Threads)
	}
	if m.VRAM > 0 {
		fmt.Fprintf(w, ", and %s of %s", units.Bytes(m.VRAM), m.GPU)
	} else {
		fmt.Fprint(w, "; no GPU")
	}
	fmt.Fprint(w, ".\n\n")
}

func printModel(w io.Writer, use string, m fit.Advised) {
	fmt.Fprintf(w, "For %s take %s in %s.\n", use, m.Name, m.Type)
	fmt.Fprintf(w, "  file    %s\n  memory  %s\n", units.Bytes(m.Size), memoryText(m))
	if m.Speed > 0 {
		fmt.Fprintf(w, "  speed   about %.3g tokens/s, estimated from the memory's\n", m.Speed)
	}
	fmt.Fprintf(w, "  why     %s\n", m.Why)
	command := "chat MODEL.gguf"
	if slices.Contains(m.Uses, "music") {
		command = `run MODEL.gguf --output song.mid ""`
	}
	if slices.Contains(m.Uses, "abc") {
		command = `run MODEL.gguf --output tune.abc ""`
	}
	fmt.Fprintf(w, "\n  download %s (the newest) of %s at Hugging Face, then\n  gosling convert --type %s %s MODEL.gguf\n  gosling %s\n\n",
		m.File, m.Repository, m.Type, m.File, command)
}

func memoryText(m fit.Advised) string {
	if m.VRAM > 0 {
		return fmt.Sprintf("%s on the GPU and %s beside it", units.Bytes(m.VRAM), units.Bytes(m.RAM))
	}
	return units.Bytes(m.RAM)
}

// shown is how many other models are printed without --all.
const shown = 8

func printModels(out io.Writer, models []fit.Advised, all bool) {
	if len(models) == 0 {
		return
	}
	fmt.Fprintln(out, "Others that run:")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	more := len(models) - shown
	if more > 0 && !all {
		models = models[:shown]
	}
	for _, m := range models {
		fmt.Fprintf(w, "  %s\t%s\tfile %s\tmemory %s", m.Name, m.Type, units.Bytes(m.Size), memoryText(m))
		if m.Speed > 0 {
			fmt.Fprintf(w, "\t%.3g tokens/s", m.Speed)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if more > 0 && !all {
		fmt.Fprintf(out, "  and %d more: --all\n", more)
	}
}
