package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Part is a part of the examination that runs in one process.
type Part string

// The parts.
const (
	Libraries Part = "libraries" // finds, opens and tests ggml
	Variant   Part = "variant"   // tests the build of the CPU backend that Options.CPUVariant names
	Kernels   Part = "kernels"   // tests Gosling's own kernels
	File      Part = "model"     // checks Options.Model and every weight in it
	Running   Part = "running"   // checks whether Options.Model fits, and predicts a token with it
)

// patience is how long the libraries may take. Drivers compile their kernels at first use.
const patience = 3 * time.Minute

// Examine examines a part in this process, for the Run of another process. It writes the checks to w as JSON.
func Examine(ctx context.Context, w io.Writer, part Part, o Options) error {
	e := json.NewEncoder(w)
	return o.examine(ctx, part, func(k Check) { _ = e.Encode(k) }) // the other process reads until the end
}

func (o Options) examine(ctx context.Context, part Part, tell func(Check)) error {
	switch part {
	case Libraries:
		o.examineLibraries(ctx, tell)
	case Variant:
		return o.examineVariant(ctx, tell)
	case Kernels:
		o.examineKernels(ctx, tell)
	case File:
		return o.examineFile(ctx, tell)
	case Running:
		o.examineRunning(ctx, tell)
	default:
		return fmt.Errorf("no part %q", part)
	}
	return nil
}

// examineParts examines the libraries and the model, if there is one.
func (o Options) examineParts(ctx context.Context, tell func(Check)) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fault, err := o.apart(limited, Libraries, tell)
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return err
	}
	if limited.Err() != nil {
		fault = fmt.Sprintf("no answer in %v", patience)
	}
	if fault != "" {
		tell(Check{"ggml", Problem, "the libraries or a driver failed: " + fault, `a file may be cut short or made for another processor: remove the libraries and fetch them again with "make ggml";
or a driver is at fault: update it, or take libraries for the CPU alone with --ggml DIR`})
	}
	if err := o.examineKernelsApart(ctx, tell); err != nil || o.Model == "" {
		return err
	}
	if fault != "" {
		tell(Check{"model", Warning, o.Model + " was not checked", "repair the libraries first"})
		return nil
	}
	return o.examineModel(ctx, tell)
}

// examineModel examines the model's file and, if nothing is wrong with it, runs it.
func (o Options) examineModel(ctx context.Context, tell func(Check)) error {
	sound := true
	for _, part := range []Part{File, Running} {
		fault, err := o.apart(ctx, part, func(k Check) {
			sound = sound && k.Status != Problem
			tell(k)
		})
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if fault != "" {
			sound = false
			tell(Check{string(part), Problem, o.Model + ": the check failed: " + fault, "convert or download it again; if that does not help, the libraries or a driver are at fault"})
		}
		if !sound {
			break
		}
	}
	return nil
}

// apart examines a part in another process, or in this one if there is no command. fault is the reason why the examination
// failed.
func (o Options) apart(ctx context.Context, part Part, tell func(Check)) (fault string, err error) {
	if o.Command == nil {
		if err := o.examine(ctx, part, tell); err != nil {
			fault = excerpt.Message(err)
		}
		return fault, ended(ctx)
	}
	cmd, err := o.Command(ctx, part, o)
	if err != nil {
		return "", err
	}
	var said bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &said
	} else {
		cmd.Stderr = io.MultiWriter(&said, cmd.Stderr)
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
		var k Check
		if d.Decode(&k) != nil {
			break // the end, or output that was cut short
		}
		tell(k)
	}
	if err = cmd.Wait(); err != nil {
		fault = lastWords(said.String(), err)
	}
	return fault, ended(ctx)
}

// ended returns the error of a cancelled context. A timeout is a fault of the examined part instead.
func ended(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// lastWords returns why a process ended, from its output. The runtime names a signal first, ggml an assertion, and the program an
// error.
func lastWords(said string, err error) string {
	for line := range strings.Lines(said) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "gosling: ")
		if line != "" && !strings.HasPrefix(line, "level=") {
			return line
		}
	}
	return err.Error()
}
