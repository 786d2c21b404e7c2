package cmdline

import "strings"

// AppHelp is the library's template for the help of a program.
const AppHelp = `gosling: {{.Usage}}

USAGE
   {{.UsageText}}

{{indent 3 .Description}}

COMMANDS{{range .VisibleCommands}}
   {{.Name}}{{"\t"}}{{.Usage}}{{end}}

FLAGS{{range .VisibleFlags}}
   {{.}}{{end}}

"gosling COMMAND --help" explains a command.
`

// CommandHelp is the template for the help of a command.
const CommandHelp = `{{.HelpName}}: {{.Usage}}

USAGE
   {{.HelpName}} [flags] {{.ArgsUsage}}

{{indent 3 .Description}}

FLAGS (before or after the arguments){{range .VisibleFlags}}
   {{.}}{{end}}
`

// Wrap writes names behind a text, in lines of about the given length.
func Wrap(text string, names []string, length int) string {
	var b strings.Builder
	b.WriteString(text)
	at := len(text)
	for i, name := range names {
		if i > 0 && at+len(name) > length {
			b.WriteString("\n")
			at = 0
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(name)
		at += len(name) + 1
	}
	return b.String()
}
