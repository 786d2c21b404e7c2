package cli

import (
	"fmt"
	"io"
	"strings"
)

// roff writes a manual page in man(7), and keeps the first error.
type roff struct {
	w   io.Writer
	err error
}

// raw writes a line that has its marks already.
func (r *roff) raw(line string) {
	if r.err == nil {
		_, r.err = fmt.Fprintln(r.w, line)
	}
}

func (r *roff) title(name string) {
	fields := strings.Fields(version())
	r.raw(fmt.Sprintf(`.TH %s 1 "%s" "%s" "Gosling"`, strings.ToUpper(escaped(name)), builtOn(), escaped(strings.Join(fields[:len(fields)-2], " "))))
}

// section begins a section with a paragraph, if there is text for one.
func (r *roff) section(name, text string) {
	r.raw(".SH " + name)
	if text != "" {
		r.raw(escaped(text))
	}
}

// item writes a term, which has its marks already, and what it means.
func (r *roff) item(term, meaning string) {
	r.raw(".TP")
	r.raw(term)
	r.raw(escaped(strings.Join(strings.Fields(meaning), " ")))
}

// text writes paragraphs, the first as what a section begins with. Lines that are indented or call the program stand as
// they are.
func (r *roff) text(text string) {
	verbatim, begun, first := false, true, true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			begun = false
			continue
		}
		asIs := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "gosling ")
		if verbatim && !asIs {
			r.raw(".RE\n.fi")
		}
		if !begun || verbatim != asIs && !first {
			r.raw(".PP")
		}
		if asIs && !verbatim {
			r.raw(".nf\n.RS 4")
		}
		verbatim, begun, first = asIs, true, false
		r.raw(escaped(strings.TrimPrefix(line, "  ")))
	}
	if verbatim {
		r.raw(".RE\n.fi")
	}
}

// marks are the characters that roff would take for something else, or typeset otherwise.
var marks = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`)

// escaped is a text with nothing in it that roff would take for its own.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range marks.Replace(text) {
		if c > 0x7e {
			fmt.Fprintf(&b, `\[u%04X]`, c)
		} else {
			b.WriteRune(c)
		}
	}
	out := b.String()
	if strings.HasPrefix(out, ".") {
		out = `\&` + out
	}
	return out
}
