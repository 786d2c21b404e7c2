package manual

import (
	"fmt"
	"io"
	"strings"
)

// roff writes a manual page in man(7) and keeps the first error.
type roff struct {
	w   io.Writer
	err error
}

// raw writes a line that already has its markup.
func (r *roff) raw(line string) {
	if r.err == nil {
		_, r.err = fmt.Fprintln(r.w, line)
	}
}

// title begins the page. Its footer has the version without the part in parentheses.
func (r *roff) title(name, version string) {
	if at := strings.LastIndex(version, " ("); at >= 0 {
		version = version[:at]
	}
	r.raw(fmt.Sprintf(`.TH %s 1 "%s" "%s" "Gosling"`, strings.ToUpper(escaped(name)), builtOn(), escaped(version)))
}

// section begins a section. If text is not empty, it becomes the section's first paragraph.
func (r *roff) section(name, text string) {
	r.raw(".SH " + name)
	if text != "" {
		r.raw(escaped(text))
	}
}

// item writes a term, which already has its markup, and its meaning.
func (r *roff) item(term, meaning string) {
	r.raw(".TP")
	r.raw(term)
	r.raw(escaped(strings.Join(strings.Fields(meaning), " ")))
}

// text writes paragraphs. The first one belongs to the section's heading. It keeps lines that are indented or that call the
// program as they are.
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

// marks escapes the characters that roff would interpret or typeset differently.
var marks = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`)

// escaped returns text with all characters escaped that roff would interpret.
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
