package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/lm"
)

// ggmlFlags returns the flags of every command that opens ggml.
func ggmlFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.PathFlag{Name: "ggml", Usage: "look for ggml's libraries in `DIR` (also $GOSLING_GGML)"},
		&urfave.StringFlag{Name: "cpu-variant", Usage: "use this `BUILD` of ggml's CPU backend, such as haswell", EnvVars: []string{"GOSLING_CPU_VARIANT"}, DefaultText: "the best for this processor"},
		&urfave.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "print to standard error what happens and how long it takes", DisableDefaultText: true},
	}
}

func kernelsFlag() urfave.Flag {
	check := func(c *urfave.Context, value string) error {
		err := lm.CheckKernels(value)
		if unknown := (*lm.KernelsError)(nil); errors.As(err, &unknown) {
			return misuse(c, "--kernels %s: want one of %s", unknown.Setting, unknown.Want)
		}
		return err
	}
	return &urfave.StringFlag{Name: "kernels", Usage: "compute on the CPU with Gosling's own `KERNELS`: auto, on, off, or a level (see \"gosling devices\")", EnvVars: []string{"GOSLING_KERNELS"}, Value: "auto", Action: check}
}

// modelFlags returns the flags of every command that runs a model.
func modelFlags() []urfave.Flag {
	return append([]urfave.Flag{
		threadsFlag("one for each usable performance core"), kernelsFlag(),
		&urfave.StringFlag{Name: "device", Usage: "`NAME` of the device to run on: auto, cpu, vulkan0, cuda0, metal, ... (see \"gosling devices\")", Value: "auto"},
		&urfave.IntFlag{Name: "gpu-layers", Aliases: []string{"ngl"}, Usage: "put `N` layers on the device, -1 for all", DefaultText: "as many as fit"},
		&urfave.BoolFlag{Name: "no-mmap", Usage: "read the weights into memory instead of mapping the file", DisableDefaultText: true},
	}, ggmlFlags()...)
}

func threadsFlag(byDefault string) urfave.Flag {
	return &urfave.IntFlag{Name: "threads", Aliases: []string{"t"}, Usage: "compute on `N` threads, at most one for each usable processor", DefaultText: byDefault}
}

// openGGML opens the library that the flags and the environment name. device is the device that will be used, or "".
func openGGML(c *urfave.Context, device string) (*lm.Library, error) {
	o, named := libraryOptions(c, device)
	lib, err := o.OpenLibrary()
	return lib, doctor.OnFinding(named, err)
}

// libraryOptions returns what ggmlFlags and the environment say. named tells which of them named a folder.
func libraryOptions(c *urfave.Context, device string) (o lm.Options, named string) {
	o = lm.Options{Device: device, CPUVariant: c.String("cpu-variant"), Kernels: c.String("kernels"), Log: logger(c)}
	if c.Bool("verbose") {
		o.GGMLLog = o.Log
	}
	for _, by := range []struct{ name, folder string }{{"--ggml", c.Path("ggml")}, {"GOSLING_GGML", os.Getenv("GOSLING_GGML")}} {
		if by.folder != "" && o.Libraries == "" {
			o.Libraries, named = by.folder, by.name
		}
	}
	return o, named
}

// logger writes to standard error: warnings only, or everything with --verbose.
func logger(c *urfave.Context) *slog.Logger {
	level := slog.LevelWarn
	if c.Bool("verbose") {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// openModel opens ggml and loads the model according to modelFlags.
func openModel(c *urfave.Context, path string) (*lm.Model, error) {
	o, err := modelOptions(c)
	if err != nil {
		return nil, err
	}
	if path, err = modelPath(c, path); err != nil {
		return nil, err
	}
	m, err := lm.Open(c.Context, path, o)
	return m, onOpening(c, err)
}

// modelOptions returns the options for opening a model according to modelFlags and stateFlags.
func modelOptions(c *urfave.Context) (lm.Options, error) {
	if err := settleThreads(c); err != nil {
		return lm.Options{}, err
	}
	o, err := openingOptions(c)
	o.Threads = c.Int("threads")
	return o, err
}

// openingOptions is modelOptions without the threads.
func openingOptions(c *urfave.Context) (lm.Options, error) {
	state, err := startState(c)
	if err != nil {
		return lm.Options{}, err
	}
	o, _ := libraryOptions(c, c.String("device"))
	o.NoMmap, o.State = c.Bool("no-mmap"), state
	if c.IsSet("gpu-layers") {
		o.GPULayers = new(c.Int("gpu-layers"))
	}
	return o, nil
}

// onOpening is doctor.OnFinding for an error of opening a model with modelOptions.
func onOpening(c *urfave.Context, err error) error {
	_, named := libraryOptions(c, "")
	return doctor.OnFinding(named, err)
}

// settleThreads checks --threads. If there are fewer processors, it lowers the flag to their number and prints a note.
func settleThreads(c *urfave.Context) error {
	if !c.IsSet("threads") {
		return nil
	}
	n := c.Int("threads")
	if n < 1 || n > maxThreads {
		return misuse(c, "--threads %d: want 1 to %d", n, maxThreads)
	}
	return c.Set("threads", strconv.Itoa(fewerThreads(c, n)))
}

// fewerThreads lowers a number of threads to the number of usable processors, and prints a note then.
func fewerThreads(c *urfave.Context, n int) int {
	most, note := cpus.Find().Fewer(n)
	if note != "" {
		fmt.Fprintln(c.App.ErrWriter, "note: "+note)
	}
	return most
}

// maxThreads is ggml's limit (GGML_MAX_N_THREADS).
const maxThreads = 512

// loadModel opens the model that the command names first. It returns how long that took.
func loadModel(c *urfave.Context) (*lm.Model, time.Duration, error) {
	return loadNamed(c, c.Args().First())
}

// loadNamed is loadModel for a given name.
func loadNamed(c *urfave.Context, name string) (*lm.Model, time.Duration, error) {
	now := clock.Of(c.Context)
	begin := now()
	m, err := openModel(c, name)
	return m, now.Since(begin), err
}
