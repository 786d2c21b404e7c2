package cli

import (
	_ "embed"
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
			runCommand(), chatCommand(), serveCommand(), keyCommand(), pullCommand()}, storeCommands(), []*urfave.Command{
			convertCommand(), quantizeCommand(), inspectCommand(), logitsCommand(), embedCommand(), benchCommand(), recommendCommand(),
			perplexityCommand(), compareCommand(), evalCommand(), imatrixCommand(), calibrateCommand(), sensitivityCommand(),
			tokenizeCommand(), detokenizeCommand(), devicesCommand(), doctorCommand(), completionCommand(), manCommand(), helpCommand(), versionCommand(), completeCommand(), examineCommand(),
		}),
		Action: func(c *urfave.Context) error {
			if c.Bool("version") {
				return printVersion(c)
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

// versionCommand does what --version does, as in llama.cpp's programs and Go's.
func versionCommand() *urfave.Command {
	return &urfave.Command{Name: "version", Usage: "print the version", Description: "Examples:\n  gosling version", Action: printVersion}
}

func printVersion(c *urfave.Context) error {
	_, err := fmt.Fprintln(c.App.Writer, version())
	return err
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
//
//go:embed screen.txt
var firstScreen string
