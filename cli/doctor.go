package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/models"
)

func doctorCommand() *urfave.Command {
	return &urfave.Command{
		Name: "doctor", Usage: "find what keeps models from running here, and how to fix it", ArgsUsage: "[MODEL]",
		Description: `Checks memory, disks, the store of models and ggml's libraries. Tests every device and Gosling's own kernels with known results. With a model,
it also checks every weight as "gosling inspect --check" does, whether the model fits this machine, and whether it runs.
Each line begins with ok, warning or problem. Below a warning or a problem it says what to do. The exit code is 1 if there
is a problem.

The libraries are tested in a second process, so that a broken library or driver ends only that process.

Examples:
  gosling doctor
  gosling doctor model.gguf
  gosling doctor --json --ggml ~/ggml/lib`,
		Flags:  append([]urfave.Flag{jsonFlag(), kernelsFlag()}, ggmlFlags()...),
		Action: doctorAction,
	}
}

func doctorAction(c *urfave.Context) error {
	if c.NArg() > 1 {
		return misuse(c, "want one model, not %d", c.NArg())
	}
	o := doctorOptions(c)
	o.Model, o.Version, o.Left = c.Args().First(), strings.TrimPrefix(version(), "gosling "), leftFolders()
	if o.Model != demo.Name {
		path, err := modelPath(c, o.Model)
		if err != nil {
			return err
		}
		o.Model = path
	}
	o.Store, _ = models.StoreAt(os.Getenv) // without a home there is no store
	if site, err := hub.HuggingFaceSite(os.Getenv); err == nil {
		o.Cache = site.Cache
	}
	if !c.Bool("json") {
		o.Tell = func(k doctor.Check) { k.WriteText(c.App.Writer) }
	}
	r, err := doctor.Run(c.Context, o)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := jsontext.Write(c.App.Writer, r); err != nil {
			return err
		}
	} else if r.Problems == 0 {
		fmt.Fprintf(c.App.Writer, "\nno problems, %s\n", units.Count(r.Warnings, "warning"))
	}
	if r.Problems > 0 {
		return fmt.Errorf("%s, %s", units.Count(r.Problems, "problem"), units.Count(r.Warnings, "warning"))
	}
	return nil
}

// doctorOptions returns the options that ggmlFlags set.
func doctorOptions(c *urfave.Context) doctor.Options {
	o, named := libraryOptions(c, "auto")
	return doctor.Options{Options: o, NamedBy: named, Command: examineApart(c)}
}

// leftFolders returns the folders of comparisons that were stopped or killed.
func leftFolders() []doctor.Left {
	var left []doctor.Left
	folders, _ := compare.FindLeft(os.TempDir()) // a folder that cannot be read holds nothing of ours
	for _, f := range folders {
		if !f.InUse {
			of := fmt.Sprintf("gosling %s %s", term.Visible(f.Command), term.Visible(f.Base))
			left = append(left, doctor.Left{Path: f.Path, Of: of})
		}
	}
	return left
}

// examineName is the hidden command that examines one part for doctor in a process of its own. It prints the checks as JSON.
const examineName = "__examine"

func examineCommand() *urfave.Command {
	return &urfave.Command{
		Name: examineName, Hidden: true, Flags: append(ggmlFlags(), kernelsFlag()),
		Action: func(c *urfave.Context) (err error) {
			o := doctorOptions(c)
			if o.Model, err = modelPath(c, c.Args().Get(1)); err != nil {
				return err
			}
			return doctor.Examine(c.Context, c.App.Writer, doctor.Part(c.Args().First()), o)
		},
	}
}

// examineApart returns a function that makes the command for examining a part in another process.
func examineApart(c *urfave.Context) func(context.Context, doctor.Part, doctor.Options) (*exec.Cmd, error) {
	return func(ctx context.Context, part doctor.Part, o doctor.Options) (*exec.Cmd, error) {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		args := append([]string{examineName, "--kernels", o.Kernels}, cmdline.Given(c, "ggml", "verbose")...)
		if o.CPUVariant != "" {
			args = append(args, "--cpu-variant", o.CPUVariant)
		}
		args = append(args, "--", string(part))
		if part == doctor.File || part == doctor.Running {
			args = append(args, o.Model)
		}
		cmd := exec.CommandContext(ctx, exe, args...)
		if c.Bool("verbose") {
			cmd.Stderr = c.App.ErrWriter
		}
		return cmd, nil
	}
}
