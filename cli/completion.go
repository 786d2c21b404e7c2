package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
	"github.com/gosling-rwkv/gosling/internal/completion"
)

func completionCommand() *urfave.Command {
	return &urfave.Command{
		Name: "completion", Usage: "print a shell script that completes commands, flags and files", ArgsUsage: strings.Join(completion.Shells, "|"),
		Description: `Examples:
  source <(gosling completion bash)            # in ~/.bashrc
  source <(gosling completion zsh)             # in ~/.zshrc, after compinit
  gosling completion fish > ~/.config/fish/completions/gosling.fish
  gosling completion powershell | Out-String | Invoke-Expression   # in $PROFILE`,
		Action: func(c *urfave.Context) error {
			script, ok := completion.Script(c.Args().First())
			if !ok || c.NArg() != 1 {
				return misuse(c, "name a shell: %s", strings.Join(completion.Shells, ", "))
			}
			_, err := io.WriteString(c.App.Writer, script)
			return err
		},
	}
}

func completeCommand() *urfave.Command {
	return &urfave.Command{
		Name: cmdline.CompleteName, Hidden: true,
		Action: func(c *urfave.Context) error {
			for _, candidate := range cmdline.Complete(c.App, c.Args().Slice(), choices) {
				if _, err := fmt.Fprintln(c.App.Writer, candidate); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// choices lists the values of a flag, or those of an argument that is not a file.
func choices(flag string, positional []string) []string {
	command := ""
	if len(positional) > 0 {
		command = positional[0]
	}
	switch {
	case flag == "device":
		return []string{"auto", "cpu", "vulkan0", "cuda0", "metal"}
	case flag == "type" && (command == "convert" || command == "pull"), flag == "" && command == "quantize" && len(positional) >= 2:
		return mixNames()
	case (flag == "o" || flag == "output") && command == "bench":
		return slices.Clone(benchFormats)
	case flag == "" && command == "completion" && len(positional) == 1:
		return slices.Clone(completion.Shells)
	case flag == "" && takesName(command, len(positional)-1):
		return modelNames(command)
	default:
		return nil
	}
}

// takesName reports whether an argument of a command may be the name of a model.
func takesName(command string, index int) bool {
	switch command {
	case "pull", "show", "cp", "tokenize", "detokenize", "doctor":
		return index == 0
	case "rm":
		return true
	case "convert", "completion", "man", "help", "list", "ls", "devices", "recommend":
		return false
	}
	return command != "" && readsArgument(command, index)
}
