package cli

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/internal/float"
)

func recommendCommand() *urfave.Command {
	return &urfave.Command{
		Name: "recommend", Usage: "say which released model, in which quantization, fits this machine",
		Description: `Looks at the memory of the machine, at its GPU if ggml finds one, and at how fast the memory is read, and names the
model to take: by the advice of RWKV's own documentation (RWKV-7 first; RWKV-6 only where no RWKV-7 of that size fits;
older ones for archives), as large as is still pleasant to read along with. Sizes of files are computed from the models'
tensors; memory and speed are estimates. Another machine can be described with --ram and --vram.

Examples:
  gosling recommend
  gosling recommend --ram 16GiB --vram 8GiB --use code
  gosling recommend --use archive --json`,
		Flags: append([]urfave.Flag{
			&urfave.StringFlag{Name: "use", Value: "chat", Usage: "what for: `USE` " + strings.Join(fit.Uses(), ", ")},
			&urfave.StringFlag{Name: "ram", Usage: "a machine of this much memory, such as `16GiB`", DefaultText: "this machine's"},
			&urfave.StringFlag{Name: "vram", Usage: "a GPU with this much free memory, such as `8GiB`; 0 is none", DefaultText: "what the best device has free"},
			&urfave.BoolFlag{Name: "all", Usage: "list all that run", DisableDefaultText: true},
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
	m, gpu, err := machine(c)
	if err != nil {
		return err
	}
	choices, err := fit.Recommend(m, c.String("use"))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, recommendation(m, gpu, c.String("use"), choices))
	}
	return buffered(c.App.Writer, func(w io.Writer) error {
		printMachine(w, m, gpu)
		if len(choices) == 0 {
			fmt.Fprintf(w, "No released model for %s runs in that: the smallest takes some hundred MiB.\n", c.String("use"))
			return nil
		}
		printChoice(w, c.String("use"), choices[0])
		printChoices(w, choices[1:], c.Bool("all"))
		return nil
	})
}

// machine is what the flags describe, or this one, and the name of its GPU.
func machine(c *urfave.Context) (m fit.Machine, gpu string, err error) {
	m.Host = fit.ThisHost()
	if c.IsSet("ram") {
		if m.RAM, err = parseBytes(c.String("ram")); err != nil || m.RAM == 0 {
			return m, "", misuse(c, "--ram %q: want a size such as 16GiB", c.String("ram"))
		}
	} else if m.RAM, err = fit.ThisRAM(); err != nil {
		return m, "", fmt.Errorf("the size of the memory: %w: give it with --ram", err)
	}
	if c.IsSet("vram") {
		if m.VRAM, err = parseBytes(c.String("vram")); err != nil {
			return m, "", misuse(c, "--vram %q: want a size such as 8GiB", c.String("vram"))
		}
		gpu = "a GPU"
	} else if !c.IsSet("ram") {
		m.VRAM, gpu = bestDevice(c)
	}
	if !c.IsSet("ram") { // another machine's memory is as fast as it may
		if m.Bandwidth, err = bench.Bandwidth(c.Context, clockOf(c), nil, m.Threads); !m.Bandwidth.Finite() {
			m.Bandwidth = 0 // not known
		}
	}
	return m, gpu, err
}

// bestDevice is the device with the most memory, if ggml is there and has one beside the CPU.
func bestDevice(c *urfave.Context) (free int64, name string) {
	lib, err := openGGML(c, "auto")
	if err != nil {
		return 0, ""
	}
	for _, d := range lib.Devices() {
		if n, _ := d.Memory(); d.Type == ggml.GPU && n > free {
			free, name = n, d.Name+" ("+d.Description+")"
		}
	}
	return free, name
}

var sizeForm = regexp.MustCompile(`^(?i)([0-9]*\.?[0-9]+)\s*(?:([kmgt])(i?b)?|b)?$`)

// parseBytes reads a size: a number with K, M, G or T, in powers of 1024 with or without "i", alone in GiB if it is small.
func parseBytes(text string) (int64, error) {
	m := sizeForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is no size", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, err
	}
	exponent := strings.Index("-kmgt", strings.ToLower(m[2]))
	switch {
	case m[2] == "" && n < 4096:
		exponent = 3 // nobody means bytes
	case m[2] == "":
		exponent = 0
	}
	if n *= math.Pow(1024, float64(exponent)); n > 1<<50 {
		return 0, fmt.Errorf("%q is more than any machine has", text)
	}
	return int64(n), nil
}

func printMachine(w io.Writer, m fit.Machine, gpu string) {
	fmt.Fprintf(w, "Counting on %s of %s of memory", bytesText(m.Usable()), bytesText(m.RAM))
	if m.Bandwidth > 0 {
		fmt.Fprintf(w, ", read at %s/s by %d threads", bytesText(int64(m.Bandwidth)), m.Threads)
	}
	if m.VRAM > 0 {
		fmt.Fprintf(w, ", and %s of %s", bytesText(m.VRAM), gpu)
	} else {
		fmt.Fprint(w, "; no GPU")
	}
	fmt.Fprint(w, ".\n\n")
}

func printChoice(w io.Writer, use string, c fit.Choice) {
	fmt.Fprintf(w, "For %s take %s in %s.\n", use, c.Model.Name(), c.Mix)
	fmt.Fprintf(w, "  file    %s\n  memory  %s\n", bytesText(c.Size), memoryText(c))
	if c.Speed > 0 && !c.OnGPU() {
		fmt.Fprintf(w, "  speed   about %.3g tokens/s, by the memory's\n", c.Speed)
	}
	fmt.Fprintf(w, "  why     %s\n", reason(use, c))
	command := "chat MODEL.gguf"
	if slices.Contains(c.Model.Uses, "music") {
		command = `run MODEL.gguf --output song.mid ""`
	}
	if slices.Contains(c.Model.Uses, "abc") {
		command = `run MODEL.gguf --output tune.abc ""`
	}
	fmt.Fprintf(w, "\n  download %s (the newest) of %s at Hugging Face, then\n  gosling convert --type %s %s MODEL.gguf\n  gosling %s\n\n",
		c.Model.File, c.Model.Repository, c.Mix, c.Model.File, command)
}

func memoryText(c fit.Choice) string {
	if c.OnGPU() {
		return fmt.Sprintf("%s on the GPU and %s beside it", bytesText(c.Memory.VRAM), bytesText(c.Memory.RAM))
	}
	return bytesText(c.Memory.RAM)
}

// reason says why a model is the one to take.
func reason(use string, c fit.Choice) string {
	where := "that fits"
	switch {
	case c.OnGPU():
		where = "that is on the GPU whole"
	case c.Slow():
		where = "that fits, though slower than one reads"
	case c.Speed > 0:
		where = "that fits and is as quick as one reads"
	}
	switch {
	case c.Model.Version == "7":
		return "the largest RWKV-7 " + where
	case use == "archive":
		return "the largest of the older models " + where + "; for anything but comparing take an RWKV-7"
	case c.Model.Version == "6":
		return "the largest " + where + "; no RWKV-7 of its size does"
	}
	return "the largest of its kind " + where + "; there is no newer one of this kind"
}

// shown is how many other models are listed without --all.
const shown = 8

func printChoices(out io.Writer, choices []fit.Choice, all bool) {
	if len(choices) == 0 {
		return
	}
	fmt.Fprintln(out, "Others that run:")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	more := len(choices) - shown
	if more > 0 && !all {
		choices = choices[:shown]
	}
	for _, c := range choices {
		fmt.Fprintf(w, "  %s\t%s\tfile %s\tmemory %s", c.Model.Name(), c.Mix, bytesText(c.Size), memoryText(c))
		if c.Speed > 0 && !c.OnGPU() {
			fmt.Fprintf(w, "\t%.3g tokens/s", c.Speed)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if more > 0 && !all {
		fmt.Fprintf(out, "  and %d more: --all\n", more)
	}
}

type recommendedModel struct {
	Name       string       `json:"name"`
	Version    string       `json:"version"`
	Parameters int64        `json:"parameters"`
	Repository string       `json:"repository"`
	File       string       `json:"file"`
	Type       string       `json:"type"`
	Size       int64        `json:"size"`
	RAM        int64        `json:"ram"`
	VRAM       int64        `json:"vram"`
	Speed      float.Number `json:"tokens_per_second,omitempty"`
	Why        string       `json:"why,omitempty"`
}

// recommendation is what --json prints: the models in the order in which to take them.
func recommendation(m fit.Machine, gpu, use string, choices []fit.Choice) any {
	models := []recommendedModel{}
	for i, c := range choices {
		r := recommendedModel{
			Name: c.Model.Name(), Version: c.Model.Version, Parameters: c.Model.Parameters(), Repository: c.Model.Repository, File: c.Model.File,
			Type: c.Mix, Size: c.Size, RAM: c.Memory.RAM, VRAM: c.Memory.VRAM, Speed: float.Number(c.Speed),
		}
		if c.OnGPU() {
			r.Speed = 0
		}
		if i == 0 {
			r.Why = reason(use, c)
		}
		models = append(models, r)
	}
	return struct {
		RAM       int64              `json:"ram"`
		Usable    int64              `json:"usable_ram"`
		VRAM      int64              `json:"vram"`
		GPU       string             `json:"gpu,omitempty"`
		Bandwidth float.Number       `json:"bandwidth,omitempty"`
		Use       string             `json:"use"`
		Models    []recommendedModel `json:"models"`
	}{m.RAM, m.Usable(), m.VRAM, gpu, m.Bandwidth, use, models}
}
