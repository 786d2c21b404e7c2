package cli

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/internal/cmdline"
)

//go:embed completion/gosling.bash
var bashCompletion string

//go:embed completion/gosling.zsh
var zshCompletion string

//go:embed completion/gosling.fish
var fishCompletion string

//go:embed completion/gosling.ps1
var powershellCompletion string

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand() *urfave.Command {
	return &urfave.Command{
		Name: "completion", Usage: "print a shell script that completes commands, flags and files", ArgsUsage: strings.Join(shells, "|"),
		Description: `Examples:
  source <(gosling completion bash)            # in ~/.bashrc
  source <(gosling completion zsh)             # in ~/.zshrc, after compinit
  gosling completion fish > ~/.config/fish/completions/gosling.fish
  gosling completion powershell | Out-String | Invoke-Expression   # in $PROFILE`,
		Action: func(c *urfave.Context) error {
			script, ok := map[string]string{
				"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
			}[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return misuse(c, "name a shell: %s", strings.Join(shells, ", "))
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
	case flag == "type" && command == "convert", flag == "" && command == "quantize" && len(positional) >= 2:
		return mixNames()
	case (flag == "o" || flag == "output") && command == "bench":
		return slices.Clone(benchFormats)
	case flag == "" && command == "completion" && len(positional) == 1:
		return slices.Clone(shells)
	default:
		return nil
	}
}
