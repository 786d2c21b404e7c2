package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	urfave "github.com/urfave/cli/v2"
)

// newApp puts the commands together.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *urfave.App {
	app := &urfave.App{
		Name:  "gosling",
		Usage: "run RWKV language models",
		Description: `Try it without any file, with the small model inside the program:
gosling run demo "ROMEO:"
gosling chat demo
gosling compare demo --types Q6_K,Q4_K_M,Q2_K

A checkpoint, from training to words, in three steps:
gosling convert model.pth
gosling quantize model-F16.gguf Q4_K_M
gosling run model-Q4_K_M.gguf "User: What is a goose?\n\nAssistant:"`,
		UsageText:                 "gosling COMMAND [flags and arguments in any order]",
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		HideVersion:               true, // its flag would take -v
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     appHelp,
		OnUsageError:              badUsage,
		ExitErrHandler:            func(*urfave.Context, error) {}, // Run decides
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "version", Usage: "print the version and exit", DisableDefaultText: true},
			urfave.HelpFlag,
		},
		Commands: []*urfave.Command{
			runCommand(), chatCommand(), convertCommand(), quantizeCommand(), inspectCommand(), logitsCommand(), embedCommand(), benchCommand(), recommendCommand(),
			perplexityCommand(), compareCommand(), evalCommand(), imatrixCommand(), sensitivityCommand(),
			tokenizeCommand(), detokenizeCommand(), devicesCommand(), doctorCommand(), completionCommand(), manCommand(), helpCommand(), completeCommand(), examineCommand(),
		},
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
		cmd.CustomHelpTemplate = commandHelp
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

// badUsage turns what the flag package says into our words.
func badUsage(c *urfave.Context, err error, _ bool) error {
	reason := err.Error()
	if head, tail, ok := strings.Cut(reason, " for flag -"); ok {
		name, why, _ := strings.Cut(tail, ": ")
		reason = fmt.Sprintf("%s for %s: %s", head, dashed(name), strings.Replace(why, "parse error", "want a number", 1))
	}
	return misuse(c, "%s", reason)
}

// dashed writes a flag as people do: -n, --n-predict.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// version is what --version prints.
func version() string {
	v := "of unknown version"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version // "(devel)" without a version control system
	}
	return fmt.Sprintf("gosling %s (%s, %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// helpCommand only stands in the list of commands: arrange turns "help run" into "run --help".
func helpCommand() *urfave.Command {
	return &urfave.Command{
		Name: "help", Usage: "explain a command", ArgsUsage: "[COMMAND]",
		Description: "Examples:\n  gosling help convert",
		Action:      urfave.ShowAppHelp,
	}
}

// firstScreen is what a newcomer sees who types nothing but the program's name.
const firstScreen = `gosling runs RWKV language models: from a checkpoint to a small file to words.

Without any file, with the small model inside the program:
   gosling run demo "ROMEO:"                      it goes on
   gosling chat demo                              it answers small tasks
   gosling compare demo --types Q6_K,Q4_K_M,Q2_K  what quantization costs

With a checkpoint, in three steps:
   gosling convert model.pth                      -> model-F16.gguf
   gosling quantize model-F16.gguf Q4_K_M         -> model-Q4_K_M.gguf
   gosling run model-Q4_K_M.gguf "The goose"      or chat

And then:
   recommend              which model suits this machine
   doctor                 what keeps models from running here
   inspect FILE           what is in a file, and the memory it takes
   bench MODEL            how fast it is
   perplexity, eval       how good it is
   imatrix, sensitivity   how to quantize it better

"gosling --help" lists all commands, "gosling COMMAND --help" explains one.
`

const appHelp = `gosling: {{.Usage}}

USAGE
   {{.UsageText}}

{{indent 3 .Description}}

COMMANDS{{range .VisibleCommands}}
   {{.Name}}{{"\t"}}{{.Usage}}{{end}}

FLAGS{{range .VisibleFlags}}
   {{.}}{{end}}

"gosling COMMAND --help" explains a command.
`

const commandHelp = `{{.HelpName}}: {{.Usage}}

USAGE
   {{.HelpName}} [flags] {{.ArgsUsage}}

{{indent 3 .Description}}

FLAGS (before or after the arguments){{range .VisibleFlags}}
   {{.}}{{end}}
`
