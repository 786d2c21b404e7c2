package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/libraries"
	"github.com/gosling-rwkv/gosling/models"
)

func pullCommand() *urfave.Command {
	return &urfave.Command{
		Name: "pull", Usage: "download a model by its name, and convert it", ArgsUsage: "NAME[:TYPE]",
		Description: `Downloads a model from Hugging Face or ModelScope into the store, where all commands find it by its name. A GGUF file of
the type is taken as it is. Otherwise the checkpoint is downloaded, compared with the hub's SHA-256, converted to the type
and removed. This needs a network. A download that was stopped continues where it ended.

NAME is one of
  rwkv7-g1-0.4b                  a released model, the newest of its kind; "gosling recommend" names them
  rwkv7-g1d-0.4b                 this release of it
  hf.co/OWNER/REPO[:FILE]        a repository at Hugging Face, and one of its files; @REVISION may follow
  modelscope.cn/OWNER/REPO       the same at ModelScope
  ggml, ggml-vulkan, ggml-cuda   ggml's prebuilt libraries for this platform, compared with the SHA-512 in the program, from
                                 the registry of npm_config_registry, or the one that npm takes

Variables: HF_ENDPOINT names a mirror, HF_TOKEN your token, HF_HOME or HF_HUB_CACHE the cache for downloads, GOSLING_MODELS the
store. MODELSCOPE_DOMAIN and MODELSCOPE_API_TOKEN do the same for ModelScope.

Examples:
  gosling pull rwkv7-g1-0.4b
  gosling pull rwkv7-g1-1.5b --type Q8_0 --keep
  gosling pull hf.co/BlinkDL/rwkv-7-world:RWKV-x070-World-0.1B-v2.8-20241210-ctx4096.pth
  HF_ENDPOINT=https://hf-mirror.com gosling pull rwkv7-g1-0.4b`,
		Flags: append([]urfave.Flag{
			&urfave.StringFlag{Name: "type", Usage: "convert the matrices to `TYPE`, such as BF16, Q8_0 or Q4_K_M", DefaultText: models.DefaultType},
			&urfave.BoolFlag{Name: "keep", Usage: "keep the downloaded files in Hugging Face's cache", DisableDefaultText: true},
			&urfave.BoolFlag{Name: "force", Usage: "pull the model even if this machine has too little memory for it", DisableDefaultText: true},
			threadsFlag("one for each usable processor"),
		}, append(machineFlags(), ggmlFlags()...)...),
		Action: func(c *urfave.Context) error {
			if c.NArg() != 1 {
				return misuse(c, "want one name, not %d arguments", c.NArg())
			}
			if slices.Contains(libraries.Names(), c.Args().First()) {
				return pullLibraries(c, c.Args().First())
			}
			return pullAndTell(c, c.Args().First())
		},
	}
}

// pullLibraries fetches ggml's libraries into the user's data home.
func pullLibraries(c *urfave.Context, bundle string) error {
	dir, err := models.DataHome(os.Getenv)
	if err != nil {
		return err
	}
	steps, tell := pulling(c)
	all, err := libraries.Fetch(c.Context, bundle, libraries.Options{
		Registry: libraries.Registry(os.Getenv), Dir: filepath.Join(dir, "ggml"),
		Progress: func(done, total int64) { steps.Set("downloading "+bundle, done, total) },
		Waiting:  func() { tell("another program fetches libraries: waiting for it") },
	})
	steps.End()
	for _, p := range all {
		if !p.Fetched {
			note(c, "%s %s is here already", p.Name, p.Version)
		}
		fmt.Fprintf(c.App.Writer, "%s %s: %s\n", p.Name, p.Version, p.Dir)
	}
	o, _ := libraryOptions(c, "auto")
	if used := doctor.Found(o); err == nil && !strings.HasPrefix(used, filepath.Join(dir, "ggml")) {
		note(c, "the libraries in %s are found before these: take these with GOSLING_GGML=%s", used, filepath.Join(dir, "ggml"))
	}
	return err
}

// pullAndTell pulls a model and prints what it became.
func pullAndTell(c *urfave.Context, name string) error {
	e, err := pull(c, name)
	if err == nil {
		_, err = fmt.Fprintf(c.App.Writer, "%s: %s, %s, %s\n", e.Names[0], e.Type, units.Bytes(e.Size), e.Path)
	}
	return err
}

// pull pulls a model and shows the progress.
func pull(c *urfave.Context, name string) (e models.Entry, err error) {
	if err := settleThreads(c); err != nil {
		return e, err
	}
	o := models.Options{Client: hub.ClientsOf(os.Getenv, hub.Options{Agent: "gosling"}), Write: writeOptions(c), Program: version(), Now: clock.Of(c.Context)}
	if c.Command.Name == "pull" { // the flags of other commands mean something else
		o.Type, o.Keep = c.String("type"), c.Bool("keep")
	}
	if o.Store, err = models.StoreAt(os.Getenv); err != nil {
		return e, err
	}
	if o.Machine, err = memory(c); err != nil {
		return e, err
	}
	p, err := models.Prepare(c.Context, name, o)
	if err != nil {
		return e, onMissing(err)
	}
	if p.Present != nil {
		note(c, "%s is here already, and the hub has nothing newer", p.Name)
		return p.Run(c.Context, models.Events{})
	}
	fmt.Fprintln(c.App.ErrWriter, p.Summary())
	if err := fits(c, p); err != nil {
		return e, err
	}
	steps, tell := pulling(c)
	defer steps.End()
	return p.Run(c.Context, models.Events{Progress: steps.Set, Note: tell})
}

// fits asks what to do about a model that is too large for the machine, or refuses it.
func fits(c *urfave.Context, p *models.Plan) error {
	if p.Runs || c.Command.Name == "pull" && c.Bool("force") {
		return nil
	}
	if term.CanAsk(c.App.Reader, c.App.ErrWriter) {
		fmt.Fprintln(c.App.ErrWriter, p.Misfit())
		yes, err := term.Ask(c.Context, c.App.Reader, c.App.ErrWriter, "Pull it all the same?", false)
		if yes || err != nil {
			return err
		}
	}
	return &hinted{errors.New(p.Misfit()), `add --force to pull it all the same; "gosling recommend" names models that run here`}
}

// pulling begins the progress lines of a pull. The caller ends them.
func pulling(c *urfave.Context) (steps *term.Steps, tell func(text string)) {
	steps = term.NewSteps(c.App.ErrWriter, clock.Of(c.Context))
	return steps, func(text string) {
		steps.End()
		note(c, "%s", text)
	}
}

// onMissing adds to the error of a name that nobody knows where names are found.
func onMissing(err error) error {
	var missing *models.MissingError
	switch {
	case !errors.As(err, &missing):
		return err
	case missing.Released():
		return &hinted{err, "get it: gosling pull " + missing.Name.String()}
	}
	return &hinted{err, `"gosling list" lists your models, and "gosling recommend --all" names released ones`}
}

// modelPath returns the path of the model that an argument names: the argument itself, a file with the built-in model, or a file of
// the store. If the store lacks a model that can be pulled, it offers that at a terminal.
func modelPath(c *urfave.Context, name string) (string, error) {
	path, err := storedPath(name)
	var missing *models.MissingError
	if !errors.As(err, &missing) || !missing.Released() || !term.CanAsk(c.App.Reader, c.App.ErrWriter) {
		return path, onMissing(err)
	}
	yes, err := term.Ask(c.Context, c.App.Reader, c.App.ErrWriter, fmt.Sprintf("%s. Pull it?", missing), true)
	if err != nil || !yes {
		return "", errors.Join(err, onMissing(missing))
	}
	e, err := pull(c, name)
	return e.Path, err
}

// storedPath is modelPath without an offer.
func storedPath(name string) (string, error) {
	switch {
	case name == demo.Name:
		return demo.Model()
	case !models.Is(name):
		return name, nil
	}
	s, err := models.StoreAt(os.Getenv)
	if err != nil {
		return "", err
	}
	e, err := s.Find(name)
	return e.Path, err
}

// fileOf returns the name of a model's file, from which the names of other files are made: the argument, or the name of a model with
// an ending.
func fileOf(name string) string {
	if name == demo.Name || !models.Is(name) {
		return name
	}
	return models.FileName(name)
}

// isStored reports whether an argument is the name of a model in the store.
func isStored(name string) bool {
	path, err := storedPath(name)
	return err == nil && path != name
}

// modelNames lists the names that complete an argument: those that can be pulled, or those that are here.
func modelNames(command string) []string {
	s, err := models.StoreAt(os.Getenv)
	if err != nil {
		return nil
	}
	names := s.Names()
	switch command {
	case "pull":
		names = append(slices.Concat(names, models.Released()), libraries.Names()...)
		slices.Sort(names)
		return slices.Compact(names)
	case "show", "cp", "rm":
		return names
	}
	return append(names, demo.Name, cmdline.Files)
}

func stored(run func(ctx context.Context, s models.Store, c *urfave.Context) error, least, most int) urfave.ActionFunc {
	return func(c *urfave.Context) error {
		if c.NArg() < least || c.NArg() > most {
			return misuse(c, "want %s, not %d", units.Count(most, "argument"), c.NArg())
		}
		s, err := models.StoreAt(os.Getenv)
		if err != nil {
			return err
		}
		return onMissing(run(c.Context, s, c))
	}
}
