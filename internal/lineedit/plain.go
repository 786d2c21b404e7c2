package lineedit

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
)

// plain draws on a terminal that only shows text. It can add to a line and take back its end. After any other change it shows the
// whole text again.
type plain struct {
	out     io.Writer
	prompt  string
	written string // what is shown behind the prompt
	begun   bool
}

func (p *plain) resize(int, int) {}
func (p *plain) begin()          { p.prompt, p.written, p.begun = "", "", false }
func (p *plain) clear() error    { return nil }

func (p *plain) draw(v view) error {
	var all strings.Builder
	column := 0
	for state, rest := -1, v.text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if cluster == "\n" {
			all.WriteString("\r\n" + v.more)
			column = 0
			continue
		}
		c := shown(cluster, column)
		all.WriteString(c.shown)
		column += c.width
	}
	text := all.String()
	var out string
	added, longer := strings.CutPrefix(text, p.written)
	taken, shorter := strings.CutPrefix(p.written, text)
	switch same := p.begun && p.prompt == v.prompt; {
	case same && longer:
		out = added
	case same && shorter && !strings.Contains(taken, "\n"):
		out = strings.Repeat("\b \b", uniseg.StringWidth(taken))
	case p.begun:
		out = "\r\n" + v.prompt + text
	default:
		out = v.prompt + text
	}
	p.prompt, p.written, p.begun = v.prompt, text, true
	_, err := io.WriteString(p.out, out)
	return err
}

func (p *plain) finish(v view) error {
	if err := p.draw(v); err != nil {
		return err
	}
	p.begin()
	_, err := io.WriteString(p.out, "\r\n")
	return err
}

// Reflows guesses from the environment whether the terminal breaks long rows into several when it becomes narrower. Most do.
func Reflows() bool {
	return os.Getenv("XTERM_VERSION") == "" && os.Getenv("TERM") != "linux"
}
