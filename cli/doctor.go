package cli

import (
	"fmt"
	"io"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/internal/term"
)

func doctorCommand() *urfave.Command {
	return &urfave.Command{
		Name: "doctor", Usage: "look for what keeps models from running here, and say what to do about it", ArgsUsage: "[MODEL]",
		Description: `Looks at memory, disks and ggml's libraries, lets every device compute something known, and with a model also checks
every weight as "gosling inspect --check" does, whether it fits this machine, and whether it runs. Each line begins with
ok, warning or problem; below a warning or a problem stands what to do. The exit code is 1 if there is a problem.

What the libraries do is tried in a second process, so that a broken library or driver ends that one only.

Examples:
  gosling doctor
  gosling doctor model.gguf
  gosling doctor --json --ggml ~/ggml/lib`,
		Flags:  append([]urfave.Flag{jsonFlag()}, ggmlFlags()...),
		Action: doctor,
	}
}

// What a check found.
const (
	statusOK      = "ok"
	statusWarning = "warning" // models run, but not as well as they could
	statusProblem = "problem" // something does not work
)

// finding is one thing that was looked at.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// diagnosis collects checks, and prints each at once if out is there.
type diagnosis struct {
	Checks   []finding `json:"checks"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`

	out io.Writer
}

func (d *diagnosis) add(k finding) {
	d.Checks = append(d.Checks, k)
	switch k.Status {
	case statusProblem:
		d.Problems++
	case statusWarning:
		d.Warnings++
	}
	if d.out != nil {
		k.print(d.out)
	}
}

func doctor(c *urfave.Context) error {
	if c.NArg() > 1 {
		return misuse(c, "want one model, not %d", c.NArg())
	}
	d := &diagnosis{Checks: []finding{}}
	if !c.Bool("json") {
		d.out = c.App.Writer
	}
	d.add(finding{Name: "gosling", Status: statusOK, Text: strings.TrimPrefix(version(), "gosling ")})
	examineProcessors(cpus.Find(), d.add)
	examineMemory(d.add)
	examineDisks(d.add)
	examineLeftovers(d.add)
	if err := examineWithGGML(c, d.add); err != nil {
		return err
	}
	if c.Bool("json") {
		if err := writeJSON(c.App.Writer, d); err != nil {
			return err
		}
	} else if d.Problems == 0 {
		fmt.Fprintf(c.App.Writer, "\nno problems, %s\n", counted(d.Warnings, "warning"))
	}
	if d.Problems > 0 {
		return fmt.Errorf("%s, %s", counted(d.Problems, "problem"), counted(d.Warnings, "warning"))
	}
	return nil
}

// counted writes a number of things: "no warnings", "1 warning", "2 warnings".
func counted(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	default:
		return fmt.Sprintf("%d %ss", n, thing)
	}
}

// print writes a line for what was found, and below it what to do.
func (k finding) print(w io.Writer) {
	const indent = "                      "
	text := strings.ReplaceAll(strings.TrimSpace(k.Text), "\n", "\n"+indent)
	fmt.Fprintf(w, "%-8s %-12s %s\n", k.Status, term.Visible(k.Name), text)
	if k.Advice != "" {
		fmt.Fprintf(w, "%s-> %s\n", indent, strings.ReplaceAll(k.Advice, "\n", "\n"+indent+"   "))
	}
}
