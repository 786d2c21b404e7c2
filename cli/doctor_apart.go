package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"
)

// examineName is the hidden command that runs a part of doctor in a process of its own and prints its checks as JSON.
const examineName = "__examine"

// patience is how long the libraries may take: drivers compile their kernels when they are first used.
const patience = 3 * time.Minute

func examineCommand() *urfave.Command {
	return &urfave.Command{
		Name: examineName, Hidden: true, Flags: ggmlFlags(),
		Action: func(c *urfave.Context) error {
			e := json.NewEncoder(c.App.Writer)
			tell := func(k finding) { _ = e.Encode(k) } // whoever started this reads until the end
			path, err := modelPath(c.Args().Get(1))
			if err != nil {
				return err
			}
			switch c.Args().First() {
			case "variant":
				return examineVariant(c, tell)
			case "model":
				return examineModel(c, path, tell)
			case "running":
				examineRunning(c, path, tell)
			default:
				examineLibraries(c, tell)
			}
			return nil
		},
	}
}

// examineWithGGML has the libraries, and the model if there is one, examined apart.
func examineWithGGML(c *urfave.Context, tell func(finding)) error {
	ctx, cancel := context.WithTimeout(c.Context, patience)
	defer cancel()
	fault, err := examineApart(ctx, c, tell, sameVariant(c), "libraries")
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		fault = fmt.Sprintf("no answer in %v", patience)
	}
	if fault != "" {
		tell(finding{"ggml", statusProblem, "the libraries or a driver broke down: " + fault, `a file may be cut short or made for another processor: remove the libraries and fetch them again with "make ggml";
or a driver is at fault: update it, or take libraries for the CPU alone with --ggml DIR`})
	}
	model := c.Args().First()
	if model == "" {
		return nil
	}
	if fault != "" {
		tell(finding{"model", statusWarning, model + " was not looked at", "mend the libraries first"})
		return nil
	}
	sound := true
	for _, part := range []string{"model", "running"} {
		if !sound {
			break
		}
		fault, err := examineApart(c.Context, c, func(k finding) {
			sound = sound && k.Status != statusProblem
			tell(k)
		}, sameVariant(c), part, model)
		if err != nil {
			return err
		}
		if fault != "" {
			sound = false
			tell(finding{part, statusProblem, model + ": this broke down: " + fault, "convert or download it again; if that does not help, the libraries or a driver are at fault"})
		}
	}
	return nil
}

// sameVariant is the flag that makes another process compute with the same build for the CPU as this one.
func sameVariant(c *urfave.Context) []string {
	if variant := c.String("cpu-variant"); variant != "" {
		return []string{"--cpu-variant", variant}
	}
	return nil
}

// examineApart runs a part, with its arguments, in another process with the given flags. fault is what that process died of.
func examineApart(ctx context.Context, c *urfave.Context, tell func(finding), flags []string, part ...string) (fault string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	args := append([]string{examineName}, flags...)
	if dir := c.Path("ggml"); dir != "" {
		args = append(args, "--ggml", dir)
	}
	if c.Bool("verbose") {
		args = append(args, "--verbose")
	}
	cmd := exec.CommandContext(ctx, exe, append(append(args, "--"), part...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if c.Bool("verbose") {
		cmd.Stderr = io.MultiWriter(&said, c.App.ErrWriter)
	}
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	for d := json.NewDecoder(out); ; {
		var k finding
		if d.Decode(&k) != nil {
			break // at the end, however it came
		}
		tell(k)
	}
	err = cmd.Wait()
	if c.Context.Err() != nil {
		return "", c.Context.Err()
	}
	if err != nil {
		return lastWords(said.String(), err), nil
	}
	return "", nil
}

// lastWords is what a process said of its end: the runtime names a signal first, ggml an assertion, and we an error.
func lastWords(said string, err error) string {
	for line := range strings.Lines(said) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "gosling: ")
		if line != "" && !strings.HasPrefix(line, "level=") {
			return line
		}
	}
	return err.Error()
}
