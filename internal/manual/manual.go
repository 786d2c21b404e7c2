// Package manual writes Gosling's manual pages from the commands and flags of the program.
//
// Limits: the pages are in section 1 and in English. Commands have no subcommands.
package manual

import (
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// Pages yields the name of each page, such as gosling-run, and a function that writes the page in man(7). The page of the program
// is first. A page follows for each command that is not hidden. version is the output of --version.
func Pages(app *urfave.App, version string) iter.Seq2[string, func(io.Writer) error] {
	page := func(name string, body func(*roff)) func(io.Writer) error {
		return func(w io.Writer) error {
			r := &roff{w: w}
			r.title(name, version)
			body(r)
			return r.err
		}
	}
	return func(yield func(string, func(io.Writer) error) bool) {
		if !yield("gosling", page("gosling", func(r *roff) { r.program(app) })) {
			return
		}
		for _, cmd := range app.Commands {
			name := "gosling-" + cmd.Name
			if cmd.Hidden || cmd.Name == "help" {
				continue
			}
			if !yield(name, page(name, func(r *roff) { r.command(cmd) })) {
				return
			}
		}
	}
}

// program writes the page of the program itself.
func (r *roff) program(app *urfave.App) {
	r.section("NAME", "gosling - "+app.Usage)
	r.section("SYNOPSIS", "")
	r.raw(`\fBgosling\fR \fICOMMAND\fR [\fIflags and arguments in any order\fR]`)
	r.section("DESCRIPTION", "")
	r.text("Gosling runs RWKV language models, and converts, quantizes, measures and inspects them.\n\n" + app.Description)
	r.section("COMMANDS", "")
	for _, cmd := range app.VisibleCommands() {
		if cmd.Name == "help" {
			continue
		}
		r.item(fmt.Sprintf(`\fBgosling\-%s\fR(1)`, escaped(cmd.Name)), cmd.Usage)
	}
	r.flags(app.VisibleFlags())
	r.exitStatus()
	r.section("ENVIRONMENT", "")
	r.item(`\fBGOSLING_GGML\fR`, "the folder with ggml's libraries, unless --ggml names one")
	r.item(`\fBXDG_DATA_HOME\fR`, "the folder in which gosling/ggml/ may hold these libraries; ~/.local/share if not set")
	r.item(`\fBTMPDIR\fR`, "the folder for temporary files")
	r.section("FILES", "")
	r.item(`\fI../lib/gosling/\fR`, "ggml's libraries, relative to the program's folder")
	r.item(`\fI~/.local/share/gosling/ggml/\fR`, "the same, for one user")
	r.section("SEE ALSO", "man, doctor and the other commands have pages of their own, such as gosling-run(1).")
}

// command writes the page of a command.
func (r *roff) command(cmd *urfave.Command) {
	r.section("NAME", "gosling-"+cmd.Name+" - "+cmd.Usage)
	r.section("SYNOPSIS", "")
	r.raw(fmt.Sprintf(`\fBgosling %s\fR [\fIflags\fR] %s`, escaped(cmd.Name), escaped(cmd.ArgsUsage)))
	about, examples, _ := strings.Cut(cmd.Description, "Examples:\n")
	if about != "" {
		r.section("DESCRIPTION", "")
		r.text(about)
	}
	if flags := cmd.VisibleFlags(); len(flags) > 0 {
		r.flags(flags)
	}
	if examples != "" {
		r.section("EXAMPLES", "")
		r.text(examples)
	}
	r.exitStatus()
	r.section("SEE ALSO", "")
	r.raw(`\fBgosling\fR(1)`)
}

func (r *roff) flags(flags []urfave.Flag) {
	r.section("OPTIONS", "Options may stand before or after the arguments.")
	for _, f := range flags {
		names, usage, _ := strings.Cut(f.String(), "\t")
		names, _, _ = strings.Cut(names, " [ ") // the usage text already says that a flag may be repeated
		var marked []string
		for name := range strings.SplitSeq(names, ", ") {
			flag, value, _ := strings.Cut(name, " ")
			flag = `\fB` + escaped(flag) + `\fR`
			if value != "" {
				flag += ` \fI` + escaped(value) + `\fR`
			}
			marked = append(marked, flag)
		}
		r.item(strings.Join(marked, ", "), usage)
	}
}

func (r *roff) exitStatus() {
	r.section("EXIT STATUS", "0 on success, 1 after an error, 2 for a wrong command line, 130 after an interrupt.")
}

// builtOn returns the date of the commit that the program was built from, or "" if it is unknown.
func builtOn() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" && len(s.Value) >= len("2006-01-02") {
				return s.Value[:len("2006-01-02")]
			}
		}
	}
	return ""
}
