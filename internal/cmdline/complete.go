package cmdline

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// CompleteName is the hidden command that the shells' scripts call for candidates. Arrange passes its arguments on unchanged.
const CompleteName = "__complete"

// Files among the choices makes the shell offer files, too.
const Files = ":files"

// Choices lists the values of a flag if they are a fixed set. If flag is empty, it lists those of the next positional argument.
// positional begins with the command, if there is one yet.
type Choices func(flag string, positional []string) []string

// Complete returns the candidates for the last of words. words are the words of a command line after the program's name. If there
// are none, the shell should offer files.
func Complete(app *urfave.App, words []string, choices Choices) []string {
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
		candidates = choices(value, positional)
	case len(positional) == 0 && strings.HasPrefix(last, "-"):
		candidates = flagNames(app.VisibleFlags())
	case len(positional) == 0, len(positional) == 1 && positional[0] == "help" && !strings.HasPrefix(last, "-"):
		candidates = commandNames(app)
	case strings.HasPrefix(last, "-"):
		if cmd := app.Command(positional[0]); cmd != nil {
			candidates = flagNames(cmd.Flags)
		}
	default:
		candidates = choices("", positional)
	}
	return slices.DeleteFunc(candidates, func(s string) bool { return s != Files && !hasPrefixFold(s, last) })
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
