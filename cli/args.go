package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// flagShape is what an argument must look like to be a flag. A lone dash is standard input, -5 a number, and "- a list" a text.
var flagShape = regexp.MustCompile(`(?s)^--?([A-Za-z][\w-]*)(=.*)?$`)

// arrange sorts the arguments so that flags come before the positional ones, since the flag parser stops at the first of
// those. It knows which flags take a value, and that only positional arguments follow "--". Flags that the command does not
// have and commands that do not exist are reported here. A request for help leaves only the command and --help.
func arrange(app *urfave.App, args []string) ([]string, error) {
	if len(args) > 1 && args[1] == completeName {
		return append([]string{args[0], completeName, "--"}, args[2:]...), nil
	}
	takesValue, helpFlag := valueFlags(app), []urfave.Flag{urfave.HelpFlag}
	var flags, names, positional []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			positional = append(positional, args[i+1:]...)
			break
		}
		match := flagShape.FindStringSubmatch(arg)
		if match == nil {
			positional = append(positional, arg)
			continue
		}
		flags, names = append(flags, arg), append(names, match[1])
		if takesValue[match[1]] && match[2] == "" {
			if i++; i == len(args) {
				command := append([]string{"gosling"}, positional[:min(1, len(positional))]...)
				return nil, &usageError{strings.Join(command, " "), dashed(match[1]) + " needs a value"}
			}
			flags = append(flags, args[i])
		}
	}
	if len(positional) == 0 {
		return append(args[:1:1], flags...), checkFlags("gosling", app.Flags, names)
	}
	name, help := positional[0], asksForHelp(names)
	if name == "help" && len(positional) > 1 {
		name, help = positional[1], true
	}
	cmd := app.Command(name)
	if cmd == nil {
		return nil, noCommand(app, name)
	}
	if help { // alone: the flag package takes an argument beside it for a topic
		return []string{args[0], name, "--help"}, nil
	}
	if err := checkFlags("gosling "+name, slices.Concat(cmd.Flags, helpFlag), names); err != nil {
		return nil, err
	}
	arranged := append([]string{args[0], name}, flags...)
	return append(append(arranged, "--"), positional[1:]...), nil
}

// asksForHelp reports whether one of the flags is that for help.
func asksForHelp(names []string) bool {
	return slices.ContainsFunc(urfave.HelpFlag.Names(), func(help string) bool { return slices.Contains(names, help) })
}

// valueFlags names the flags of all commands that take a value. A name means the same kind of thing in all of them.
func valueFlags(app *urfave.App) map[string]bool {
	takes := map[string]bool{}
	for _, cmd := range app.Commands {
		for _, f := range cmd.Flags {
			if d, ok := f.(urfave.DocGenerationFlag); ok && d.TakesValue() {
				for _, name := range f.Names() {
					takes[name] = true
				}
			}
		}
	}
	return takes
}

// checkFlags reports the first of names that is no flag of the command.
func checkFlags(command string, flags []urfave.Flag, names []string) error {
	var known []string
	for _, f := range flags {
		known = append(known, f.Names()...)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return &usageError{command, fmt.Sprintf("unknown flag %s%s", dashed(name), didYouMean(name, known, dashed))}
		}
	}
	return nil
}

func noCommand(app *urfave.App, name string) error {
	var known []string
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			known = append(known, cmd.Name)
		}
	}
	return &usageError{"gosling", fmt.Sprintf("unknown command %q%s", name, didYouMean(name, known, strings.Clone))}
}

// didYouMean offers the known name that is nearest, if it is near.
func didYouMean(name string, known []string, show func(string) string) string {
	best, nearest := "", 3
	for _, k := range known {
		d := distance(name, k)
		if d < nearest && d < len(name) || len(name) > 2 && strings.HasPrefix(k, name) && best == "" {
			best, nearest = k, min(d, nearest)
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", show(best))
}

// distance is the number of letters to insert, delete or change to make a out of b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
