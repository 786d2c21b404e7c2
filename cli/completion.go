package cli

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

//go:embed completion/gosling.bash
var bashCompletion string

//go:embed completion/gosling.zsh
var zshCompletion string

//go:embed completion/gosling.fish
var fishCompletion string

//go:embed completion/gosling.ps1
var powershellCompletion string

// completeName is the hidden command that the shell scripts call for candidates.
const completeName = "__complete"

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
		Name: completeName, Hidden: true,
		Action: func(c *urfave.Context) error {
			for _, candidate := range complete(c.App, c.Args().Slice()) {
				if _, err := fmt.Fprintln(c.App.Writer, candidate); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// complete returns the candidates for the last of words. words are the words of a command line after the program's name. If there
// are none, the shell should offer files.
func complete(app *urfave.App, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	last, before := words[len(words)-1], words[:len(words)-1]
	takesValue := valueFlags(app)
	var positional []string
	value := "" // the flag whose value is being typed
	for i := 0; i < len(before); i++ {
		match := flagShape.FindStringSubmatch(before[i])
		switch {
		case match == nil:
			positional = append(positional, before[i])
		case takesValue[match[1]] && match[2] == "":
			if i++; i == len(before) {
				value = match[1]
			}
		}
	}
	var candidates []string
	switch {
	case value != "":
		candidates = flagValues(value, positional)
	case len(positional) == 0 && strings.HasPrefix(last, "-"):
		candidates = flagNames(app.VisibleFlags())
	case len(positional) == 0:
		candidates = commandNames(app)
	case strings.HasPrefix(last, "-"):
		if cmd := app.Command(positional[0]); cmd != nil {
			candidates = flagNames(cmd.Flags)
		}
	default:
		candidates = arguments(app, positional)
	}
	return slices.DeleteFunc(candidates, func(s string) bool { return !hasPrefixFold(s, last) })
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func commandNames(app *urfave.App) []string {
	var names []string
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			names = append(names, cmd.Name)
		}
	}
	return names
}

func flagNames(flags []urfave.Flag) []string {
	names := []string{"--help"}
	for _, f := range flags {
		if !slices.Contains(names, dashed(f.Names()[0])) {
			names = append(names, dashed(f.Names()[0]))
		}
	}
	return names
}

// flagValues lists the values of a flag if they are a fixed set.
func flagValues(name string, positional []string) []string {
	command := ""
	if len(positional) > 0 {
		command = positional[0]
	}
	switch {
	case name == "device":
		return []string{"auto", "cpu", "vulkan0", "cuda0", "metal"}
	case name == "type" && command == "convert":
		return mixNames()
	case name == "o" && command == "bench" || name == "output" && command == "bench":
		return slices.Clone(benchFormats)
	default:
		return nil
	}
}

// arguments lists the candidates for a positional argument that is not a file.
func arguments(app *urfave.App, positional []string) []string {
	switch {
	case positional[0] == "help" && len(positional) == 1:
		return commandNames(app)
	case positional[0] == "completion" && len(positional) == 1:
		return slices.Clone(shells)
	case positional[0] == "quantize" && len(positional) >= 2:
		return mixNames()
	default:
		return nil
	}
}
