// Package cmdline arranges and completes the command line of a urfave/cli program.
//
// The library wants flags before the other arguments. Arrange lets them stand anywhere. Complete lists what may come next on an
// unfinished command line. Both need commands that agree on whether a flag takes a value. Unescape resolves escapes in a text.
//
// Limits: short flags cannot be joined (-ab), and commands have no subcommands.
package cmdline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// flagShape matches an argument that is a flag. A lone dash means standard input, -5 is a number, and "- a list" is a text.
var flagShape = regexp.MustCompile(`(?s)^--?([A-Za-z][\w-]*)(=.*)?$`)

// UsageError is the error of a wrong command line.
type UsageError struct {
	Command string // such as "gosling run"
	Reason  string
}

func (e *UsageError) Error() string { return e.Reason }

// Arrange moves flags before the positional arguments, because the flag parser stops at the first of those. args[0] is the
// program. Arrange knows which flags take a value. After "--" all arguments are positional. Unknown flags and unknown commands are
// a UsageError. If help is requested, Arrange returns only the command and --help.
//
// Arrange also takes llama.cpp's -m MODEL and -p PROMPT, which are positional arguments here, for the commands whose usage has these. A
// command line without a command is one of run if it has a prompt, and otherwise one of chat.
func Arrange(app *urfave.App, args []string) ([]string, error) {
	if len(args) > 1 && args[1] == CompleteName {
		return append([]string{args[0], CompleteName, "--"}, args[2:]...), nil
	}
	takesValue, helpFlag := valueFlags(app), []urfave.Flag{urfave.HelpFlag}
	var flags, names, positional []string
	foreign := map[string][]string{} // values of -m and -p
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
		if argument := arguments[match[1]]; argument != "" && !ownFlag(app, args[1:], match[1]) {
			value := strings.TrimPrefix(match[2], "=")
			if match[2] == "" {
				if i++; i == len(args) {
					return nil, &UsageError{app.Name, dashed(match[1]) + " needs a value"}
				}
				value = args[i]
			}
			foreign[argument] = append(foreign[argument], value)
			continue
		}
		flags, names = append(flags, arg), append(names, match[1])
		if takesValue[match[1]] && match[2] == "" {
			if i++; i == len(args) {
				command := append([]string{app.Name}, positional[:min(1, len(positional))]...)
				return nil, &UsageError{strings.Join(command, " "), dashed(match[1]) + " needs a value"}
			}
			flags = append(flags, args[i])
		}
	}
	if len(positional) == 0 && len(foreign["MODEL"]) > 0 {
		positional = []string{"chat"}
		if len(foreign["PROMPT"]) > 0 || slices.Contains(names, "f") || slices.Contains(names, "file") {
			positional = []string{"run"}
		}
	}
	if len(positional) == 0 {
		if len(foreign["PROMPT"]) > 0 {
			return nil, &UsageError{app.Name, "a prompt needs a model: -m MODEL"}
		}
		return append(args[:1:1], flags...), checkFlags(app.Name, app.Flags, names)
	}
	name, help := positional[0], asksForHelp(names)
	if name == "help" && len(positional) > 1 {
		name, help = positional[1], true
	}
	cmd := app.Command(name)
	if cmd == nil {
		return nil, noCommand(app, name)
	}
	if help { // drop the other arguments: the flag package would take one for a help topic
		return []string{args[0], name, "--help"}, nil
	}
	if err := checkFlags(app.Name+" "+name, slices.Concat(cmd.Flags, helpFlag), names); err != nil {
		return nil, err
	}
	if err := fits(app.Name, cmd, foreign); err != nil {
		return nil, err
	}
	arranged := append(append([]string{args[0], name}, flags...), "--")
	return slices.Concat(arranged, foreign["MODEL"], foreign["PROMPT"], positional[1:]), nil
}

// arguments are llama.cpp's flags for what is a positional argument here.
var arguments = map[string]string{"m": "MODEL", "model": "MODEL", "p": "PROMPT", "prompt": "PROMPT"}

// ownFlag reports whether a flag belongs to the command that is called.
func ownFlag(app *urfave.App, args []string, name string) bool {
	for _, arg := range args {
		if cmd := app.Command(arg); cmd != nil {
			return slices.ContainsFunc(cmd.Flags, func(f urfave.Flag) bool { return slices.Contains(f.Names(), name) })
		}
	}
	return false
}

// fits checks that a command has the positional arguments that are given as flags.
func fits(program string, cmd *urfave.Command, foreign map[string][]string) error {
	for _, argument := range []string{"MODEL", "PROMPT"} {
		if len(foreign[argument]) > 0 && !strings.Contains(cmd.ArgsUsage, argument) {
			flag := map[string]string{"MODEL": "m", "PROMPT": "p"}[argument]
			return &UsageError{program + " " + cmd.Name, "unknown flag " + dashed(flag)}
		}
	}
	return nil
}

// asksForHelp reports whether one of the flags asks for help.
func asksForHelp(names []string) bool {
	return slices.ContainsFunc(urfave.HelpFlag.Names(), func(help string) bool { return slices.Contains(names, help) })
}

// valueFlags returns the names of all commands' flags that take a value. Commands that share a flag name agree on whether it
// takes one.
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

// checkFlags reports the first of names that is not a flag of the command.
func checkFlags(command string, flags []urfave.Flag, names []string) error {
	var known []string
	for _, f := range flags {
		known = append(known, f.Names()...)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return &UsageError{command, fmt.Sprintf("unknown flag %s%s", dashed(name), didYouMean(name, known, dashed))}
		}
	}
	return nil
}

func noCommand(app *urfave.App, name string) error {
	return &UsageError{app.Name, fmt.Sprintf("unknown command %q%s", name, didYouMean(name, commandNames(app), strings.Clone))}
}

// didYouMean suggests the known name nearest to name, if one is near enough.
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

// distance returns how many letters must be inserted, deleted or changed to turn a into b.
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

// dashed returns a flag as it is typed: -n, --n-predict.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Given returns those of some flags that are set, as arguments for another run of the program.
func Given(c *urfave.Context, names ...string) []string {
	var args []string
	for _, name := range names {
		if c.IsSet(name) {
			args = append(args, fmt.Sprintf("--%s=%v", name, c.Value(name)))
		}
	}
	return args
}

// Reason returns an error of the flag package in this package's words.
func Reason(err error) string {
	reason := err.Error()
	if head, tail, ok := strings.Cut(reason, " for flag -"); ok {
		name, why, _ := strings.Cut(tail, ": ")
		reason = fmt.Sprintf("%s for %s: %s", head, dashed(name), strings.Replace(why, "parse error", "want a number", 1))
	}
	return reason
}
