package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
)

// ggmlFlags are those of every command that opens ggml.
func ggmlFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.PathFlag{Name: "ggml", Usage: "look for ggml's libraries in `DIR` (also $GOSLING_GGML)"},
		&urfave.StringFlag{Name: "cpu-variant", Usage: "compute with the `BUILD` of ggml's CPU backend that is named, such as haswell", EnvVars: []string{"GOSLING_CPU_VARIANT"}, DefaultText: "the best for this processor"},
		&urfave.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "tell on standard error what is done and how long it took", DisableDefaultText: true},
	}
}

// modelFlags are those of every command that runs a model.
func modelFlags() []urfave.Flag {
	return append([]urfave.Flag{
		threadsFlag("one for each performance core that may be used"),
		&urfave.StringFlag{Name: "device", Usage: "`NAME` of the device to run on: auto, cpu, vulkan0, cuda0, metal, ... (see \"gosling devices\")", Value: "auto"},
		&urfave.IntFlag{Name: "gpu-layers", Aliases: []string{"ngl"}, Usage: "put `N` layers on the device, -1 for all", DefaultText: "as many as fit"},
		&urfave.BoolFlag{Name: "no-mmap", Usage: "read the weights into memory instead of mapping the file", DisableDefaultText: true},
	}, ggmlFlags()...)
}

func threadsFlag(byDefault string) urfave.Flag {
	return &urfave.IntFlag{Name: "threads", Aliases: []string{"t"}, Usage: "compute on `N` threads, no more than processors may be used", DefaultText: byDefault}
}

// openGGML opens the library that the flags and the environment name. device is the one that will be used, if any.
func openGGML(c *urfave.Context, device string) (*lm.Library, error) {
	o, named := libraryOptions(c, device)
	lib, err := o.OpenLibrary()
	return lib, onFinding(named, err)
}

// libraryOptions are what ggmlFlags and the environment say, and which of them named a folder.
func libraryOptions(c *urfave.Context, device string) (o lm.Options, named string) {
	o = lm.Options{Device: device, CPUVariant: c.String("cpu-variant"), Log: logger(c)}
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

// onFinding adds to an error of finding the libraries by what a folder was named, or may be.
func onFinding(named string, err error) error {
	var folder *lm.FolderError
	switch {
	case errors.As(err, &folder):
		return fmt.Errorf("%s: %w", named, err)
	case errors.Is(err, lm.ErrNoLibrary):
		return fmt.Errorf("%w, by --ggml DIR or GOSLING_GGML", err)
	}
	return err
}

// logger writes to standard error: everything with --verbose, warnings without.
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

// openModel opens ggml and loads the model as modelFlags say.
func openModel(c *urfave.Context, path string) (*lm.Model, error) {
	o, err := modelOptions(c)
	if err != nil {
		return nil, err
	}
	if path, err = modelPath(path); err != nil {
		return nil, err
	}
	m, err := lm.Open(c.Context, path, o)
	return m, onOpening(c, err)
}

// modelOptions are what modelFlags and stateFlags say of how a model is opened.
func modelOptions(c *urfave.Context) (lm.Options, error) {
	if err := settleThreads(c); err != nil {
		return lm.Options{}, err
	}
	state, err := startState(c)
	if err != nil {
		return lm.Options{}, err
	}
	o, _ := libraryOptions(c, c.String("device"))
	o.Threads, o.NoMmap, o.State = c.Int("threads"), c.Bool("no-mmap"), state
	if c.IsSet("gpu-layers") {
		o.GPULayers = new(c.Int("gpu-layers"))
	}
	return o, nil
}

// onOpening is onFinding for an error of what modelOptions were given to.
func onOpening(c *urfave.Context, err error) error {
	_, named := libraryOptions(c, "")
	return onFinding(named, err)
}

// settleThreads checks --threads. If there are fewer processors, it sets the flag to their number and says so.
func settleThreads(c *urfave.Context) error {
	if !c.IsSet("threads") {
		return nil
	}
	n := c.Int("threads")
	if n < 1 || n > maxThreads {
		return misuse(c, "--threads %d: want 1 to %d", n, maxThreads)
	}
	most, note := fewerThreads(n, cpus.Find())
	if note == "" {
		return nil
	}
	fmt.Fprintln(c.App.ErrWriter, note)
	return c.Set("threads", strconv.Itoa(most))
}

// fewerThreads is how many of n threads the processors can run at the same time, and what to tell if that is not all.
func fewerThreads(n int, p cpus.Processors) (most int, note string) {
	if most = p.Usable(); n <= most {
		return n, ""
	}
	return most, fmt.Sprintf("note: computing on %s, not on %d: this process may use %s, and threads spin while they wait for one that gets none",
		units.Count(most, "thread"), n, units.Count(most, "processor"))
}

// maxThreads is what ggml takes (GGML_MAX_N_THREADS).
const maxThreads = 512

// loadModel opens the model that the command names first and tells how long that took.
func loadModel(c *urfave.Context) (*lm.Model, time.Duration, error) {
	now := clockOf(c)
	begin := now()
	m, err := openModel(c, c.Args().First())
	return m, now.since(begin), err
}
