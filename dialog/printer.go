package dialog

import (
	"io"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// NewPrinter returns what shows an answer. terminal is the kind of terminal, as in the environment variable TERM; if there is none, the
// answer is printed as it is.
func NewPrinter(out io.Writer, atTerminal bool, terminal string, v View) Printer {
	if !atTerminal {
		return &chat.Printer{Out: term.Text(out), HideThoughts: v.HideThoughts}
	}
	return styled{term.NewAnswer(out, term.AnswerOptions{HideThoughts: v.HideThoughts, NoWrap: v.NoWrap, NoStyle: terminal == "" || terminal == "dumb"})}
}

// styled shows an answer at a terminal.
type styled struct{ *term.Answer }

// Print shows a part of the answer.
func (s styled) Print(p chat.Part) error {
	if p.Kind == chat.Thoughts {
		return s.Thoughts(p.Text)
	}
	return s.Text(p.Text)
}
