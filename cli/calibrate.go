package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/calibration/collect"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/quant"
)

func calibrateCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.PathFlag{Name: "text", Aliases: []string{"f"}, Usage: "read the text in `FILE`; of a .jsonl file, the field \"text\" of each line; - is standard input"},
		&urfave.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the moments to `FILE`", Value: "calibration.gguf"},
		&urfave.StringSliceFlag{Name: "in-file", Usage: "add up the moments in `FILE` and others, without a model and a text; may be repeated"},
		contextFlag(),
		&urfave.IntFlag{Name: "chunks", Usage: "read the first `N` chunks", DefaultText: "all"},
		&urfave.StringFlag{Name: "memory", Usage: "use `SIZE` of memory beside the model, and read the text as often as that needs", Value: "4GiB"},
		&urfave.BoolFlag{Name: "resume", Usage: "continue where the output ends", DisableDefaultText: true},
		forceFlag(),
	}
	return &urfave.Command{
		Name: "calibrate", Usage: "measure the inputs of a model's matrices, for rounding that loses less", ArgsUsage: "[MODEL]",
		Description: `Reads a text and writes how the inputs of each matrix depend on each other: their second moments. With
"gosling quantize --calibration", a file of the same types and size loses less. The file is large, about twice the size of an
F16 model. Of a large model not all matrices fit into memory, so the text is read several times. Ctrl-C keeps what was read
so far, and --resume continues. The file serves this model in any type of weights, and close relatives such as tuned models.

Examples:
  gosling calibrate model-F16.gguf --text calibration.txt --chunks 200 -o model-calibration.gguf
  gosling calibrate --in-file english.gguf --in-file code.gguf -o both.gguf`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: calibrate,
	}
}

func calibrate(c *urfave.Context) error {
	o, err := calibrateOptions(c)
	if err != nil {
		return err
	}
	if err := tryOutput(c); err != nil {
		return err
	}
	var line *term.Progress
	o.Progress = func(p collect.Progress) {
		if line == nil {
			if p.Passes > 1 {
				fmt.Fprintf(c.App.ErrWriter, "reading the text %d times, for as many matrices at a time as %s of memory allow\n", p.Passes, units.Bytes(o.Memory))
			}
			line = term.NewProgress(c.App.ErrWriter, clock.Of(c.Context), filepath.Base(o.Name), term.Tokens, p.Total)
		}
		if line.Set(p.Done, p.Total); p.Passes > 1 {
			line.Say("pass %d of %d", p.Pass, p.Passes)
		}
	}
	r, err := collect.Run(c.Context, o)
	if line != nil {
		line.End()
	}
	if err != nil {
		if errors.Is(err, context.Canceled) && r.Matrices > 0 {
			fmt.Fprintf(c.App.ErrWriter, "%s holds what was read; run the same command with --resume to continue\n", o.Output)
		}
		return calibrateError(c, err)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: %d matrices, %d chunks of %d tokens\n", o.Output, r.Matrices, r.Chunks, r.ChunkSize)
	return err
}

// calibrateOptions returns the options that the flags set, with the text.
func calibrateOptions(c *urfave.Context) (o collect.Options, err error) {
	o = collect.Options{
		Name: c.Args().First(), In: c.StringSlice("in-file"), Output: c.Path("output"),
		Context: c.Int("ctx"), Chunks: c.Int("chunks"), Resume: c.Bool("resume"), Force: c.Bool("force"),
	}
	text := c.Path("text")
	switch {
	case c.NArg() == 0 && len(o.In) == 0:
		return o, misuse(c, "want a model and --text FILE, or files to add up with --in-file FILE")
	case c.NArg() > 1 || c.NArg() == 1 && len(o.In) > 0 || c.NArg() == 0 && text != "":
		return o, misuse(c, "want either one model with --text FILE, or --in-file FILE")
	case c.NArg() == 1 && text == "" && o.Name != demo.Name:
		return o, misuse(c, "no text: name one with --text FILE")
	case o.Resume && (o.Force || len(o.In) > 0):
		return o, misuse(c, "--resume contradicts --force and --in-file")
	case c.IsSet("chunks") && o.Chunks < 1:
		return o, misuse(c, "--chunks %d: want 1 or more", o.Chunks)
	case o.Context < collect.MinContext:
		return o, misuse(c, "--ctx %d: want %d or more", o.Context, collect.MinContext)
	}
	if o.Memory, err = fit.ParseMemory(c.String("memory")); err != nil || o.Memory == 0 {
		return o, misuse(c, "--memory %q: want a size, such as 8GiB", c.String("memory"))
	}
	if len(o.In) > 0 {
		return o, nil
	}
	if o.Text, err = textToRead(c); err != nil {
		return o, err
	}
	if o.Options, err = modelOptions(c); err != nil {
		return o, err
	}
	o.Model, err = modelPath(c, o.Name)
	return o, err
}

// calibrateError adds what to do to an error of collecting.
func calibrateError(c *urfave.Context, err error) error {
	var resume *collect.ResumeError
	var memory *collect.MemoryError
	var disk *collect.DiskError
	switch {
	case errors.As(err, &resume):
		return &hinted{err, "name another --output; --in-file adds up the moments of several texts"}
	case errors.As(err, &memory):
		return &hinted{err, "allow more with --memory"}
	case errors.As(err, &disk):
		return &hinted{err, "name an --output on another disk"}
	}
	return imatrixError(c, err)
}

func calibrationFlag() urfave.Flag {
	return &urfave.PathFlag{Name: "calibration", Usage: "round by the moments in `FILE`, made by \"gosling calibrate\": the same types and size with less loss"}
}

// calibration opens the file that --calibration names. The caller closes it.
func calibration(c *urfave.Context) (*quant.Calibration, error) {
	if path := c.Path("calibration"); path != "" {
		return quant.OpenCalibration(path)
	}
	return nil, nil
}
