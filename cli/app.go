package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

// newApp returns the program with all its commands.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *urfave.App {
	app := &urfave.App{
		Name:  "gosling",
		Usage: "run RWKV language models",
		Description: `Try it without any file, with the built-in demo model:
gosling run demo "ROMEO:"
gosling chat demo
gosling compare demo --types Q6_K,Q4_K_M,Q2_K

With a network, in two steps:
gosling pull rwkv7-g1-0.4b
gosling chat rwkv7-g1-0.4b

From a checkpoint to text in three steps:
gosling convert model.pth
gosling quantize model-F16.gguf Q4_K_M
gosling run model-Q4_K_M.gguf "User: What is a goose?\n\nAssistant:"`,
		UsageText:                 "gosling COMMAND [flags and arguments in any order]",
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		HideVersion:               true, // the library's flag would take -v
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     cmdline.AppHelp,
		OnUsageError:              badUsage,
		ExitErrHandler:            func(*urfave.Context, error) {}, // Run decides
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "version", Usage: "print the version and exit", DisableDefaultText: true},
			urfave.HelpFlag,
		},
		Commands: slices.Concat([]*urfave.Command{
			runCommand(), chatCommand(), pullCommand()}, storeCommands(), []*urfave.Command{
			convertCommand(), quantizeCommand(), inspectCommand(), logitsCommand(), embedCommand(), benchCommand(), recommendCommand(),
			perplexityCommand(), compareCommand(), evalCommand(), imatrixCommand(), sensitivityCommand(),
			tokenizeCommand(), detokenizeCommand(), devicesCommand(), doctorCommand(), completionCommand(), manCommand(), helpCommand(), completeCommand(), examineCommand(),
		}),
		Action: func(c *urfave.Context) error {
			if c.Bool("version") {
				_, err := fmt.Fprintln(c.App.Writer, version())
				return err
			}
			_, err := fmt.Fprint(c.App.Writer, firstScreen)
			return err
		},
	}
	for _, cmd := range app.Commands {
		cmd.CustomHelpTemplate = cmdline.CommandHelp
		cmd.HideHelpCommand = true
		cmd.OnUsageError = badUsage
		if cmd.Name == "chat" {
			cmd.Action = stoppedBy(syscall.SIGTERM, syscall.SIGHUP)(cmd.Action) // Ctrl-C stops an answer only
		} else {
			cmd.Action = stoppedBy(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)(cmd.Action)
		}
	}
	return app
}

// badUsage reports the flag package's errors in this program's words.
func badUsage(c *urfave.Context, err error, _ bool) error {
	return misuse(c, "%s", cmdline.Reason(err))
}

// version returns what --version prints.
func version() string {
	v := "of unknown version"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version // "(devel)" if there is no version control information
	}
	return fmt.Sprintf("gosling %s (%s, %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// helpCommand is only listed and never runs: cmdline.Arrange turns "help run" into "run --help".
func helpCommand() *urfave.Command {
	return &urfave.Command{
		Name: "help", Usage: "explain a command", ArgsUsage: "[COMMAND]",
		Description: "Examples:\n  gosling help convert",
		Action:      urfave.ShowAppHelp,
	}
}

// firstScreen is printed if no arguments are given.
const firstScreen = `gosling runs RWKV language models, and converts, quantizes and measures them.

Without any file, with the built-in demo model:
   gosling run demo "ROMEO:"                      continue a text
   gosling chat demo                              ask it small tasks
   gosling compare demo --types Q6_K,Q4_K_M,Q2_K  see what quantization costs

By name, with a network:
   gosling pull rwkv7-g1-0.4b                     download and quantize a model
   gosling run rwkv7-g1-0.4b "The goose"          or: gosling chat

With a checkpoint:
   gosling convert model.pth                      -> model-F16.gguf
   gosling quantize model-F16.gguf Q4_K_M         -> model-Q4_K_M.gguf

More commands:
   recommend              find the model that suits this machine
   doctor                 find what keeps models from running here
   inspect FILE           show what a file contains and how much memory it needs
   bench MODEL            measure its speed
   perplexity, eval       measure its quality; also imatrix, sensitivity

"gosling --help" lists all commands, "gosling COMMAND --help" explains one.
`
