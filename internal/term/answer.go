package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// AnswerOptions say how to show an answer.
type AnswerOptions struct {
	HideThoughts bool
	NoWrap       bool // leave it to the terminal to break lines
	NoStyle      bool // the terminal only shows text
}

// Answer shows a model's answer at a terminal. Words wrap at the terminal's width, thoughts are dim, and nothing in the text commands
// the terminal.
type Answer struct {
	o        AnswerOptions
	out      io.Writer
	lines    *wrapper
	text     *plain
	thinking bool
	words    int // of hidden thoughts
	any      bool
}

// NewAnswer begins an answer at a terminal.
func NewAnswer(out io.Writer, o AnswerOptions) *Answer {
	to := raw(out)
	lines := &wrapper{out: to, width: func() int { return width(out) }, off: o.NoWrap}
	return &Answer{o: o, out: to, lines: lines, text: &plain{out: lines}}
}

// Thoughts shows the next piece of the model's thoughts.
func (a *Answer) Thoughts(text string) error {
	if !a.thinking {
		if err := a.begin(); err != nil {
			return err
		}
		text = strings.TrimLeft(text, " \n")
	}
	if a.o.HideThoughts {
		a.words += len(strings.Fields(text))
		return nil
	}
	_, err := io.WriteString(a.text, text)
	return err
}

// begin begins thoughts.
func (a *Answer) begin() error {
	a.thinking, a.words = true, 0
	if a.any {
		if _, err := io.WriteString(a.text, "\n"); err != nil {
			return err
		}
	}
	if err := a.lines.flush(); err != nil {
		return err
	}
	a.any = true
	switch {
	case a.o.NoStyle && !a.o.HideThoughts:
		return a.write("<think>\n")
	case a.o.HideThoughts && !a.o.NoStyle:
		return a.write("\x1b[2mthinking ...\x1b[22m")
	case !a.o.NoStyle:
		return a.write("\x1b[2m")
	}
	return nil
}

// finish ends thoughts.
func (a *Answer) finish() error {
	if !a.thinking {
		return nil
	}
	a.thinking = false
	if err := a.lines.flush(); err != nil {
		return err
	}
	switch {
	case a.o.HideThoughts && !a.o.NoStyle:
		return a.write(fmt.Sprintf("\r\x1b[K\x1b[2m(%d words of thoughts)\x1b[22m\n", a.words))
	case a.o.HideThoughts:
		return nil
	}
	end := "\x1b[22m\n"
	if a.o.NoStyle {
		end = "\n</think>\n"
	}
	if a.lines.column == 0 {
		end = strings.TrimPrefix(strings.Replace(end, "m\n", "m", 1), "\n")
	}
	a.lines.reset()
	a.lines.ended = true
	return a.write(end)
}

func (a *Answer) write(text string) error {
	_, err := io.WriteString(a.out, text)
	return err
}

// Text shows the next piece of the answer itself.
func (a *Answer) Text(text string) error {
	if err := a.finish(); err != nil {
		return err
	}
	a.any = true
	_, err := io.WriteString(a.text, text)
	return err
}

// End ends the answer with a line end.
func (a *Answer) End() error {
	if err := a.finish(); err != nil {
		return err
	}
	if err := a.lines.flush(); err != nil {
		return err
	}
	if a.any && a.lines.column == 0 && a.lines.ended {
		return nil
	}
	return a.write("\n")
}

// wrapper breaks lines between words (Unicode Standard Annex 14). It holds back the last word, which may go on. It leaves code blocks,
// tables and indented code of Markdown as they are.
type wrapper struct {
	out    io.Writer
	width  func() int
	off    bool
	column int
	held   string // not written yet
	blanks string // between the last word and the next one
	begun  bool   // the line has begun, so it is known what it is
	asIs   bool   // the line is not wrapped
	fence  string // what ends the code block; empty outside of one
	ended  bool   // the last that was written is a line end
}

func (w *wrapper) Write(p []byte) (int, error) {
	w.held += string(p)
	return len(p), w.push(false)
}

// flush writes all that is held back.
func (w *wrapper) flush() error { return w.push(true) }

// reset tells that the cursor is at the start of a line.
func (w *wrapper) reset() { w.column, w.blanks, w.begun, w.asIs, w.fence = 0, "", false, false, "" }

// push writes what is certain, or all.
func (w *wrapper) push(all bool) error {
	var out strings.Builder
	columns := w.width()
	for w.held != "" {
		if !w.begun && !w.recognize(all) {
			break
		}
		line, rest, more := strings.Cut(w.held, "\n")
		if w.asIs || w.off {
			w.put(&out, line, columns)
			w.held = rest
		} else {
			w.held = w.words(&out, line, columns, all || more)
			if !more {
				break
			}
			w.held = rest
		}
		if more {
			out.WriteString("\n")
			w.column, w.blanks, w.begun, w.ended = 0, "", false, true
		}
	}
	if all && w.blanks != "" {
		out.WriteString(w.blanks)
		w.column, w.blanks = w.column+len(w.blanks), ""
	}
	if out.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w.out, out.String())
	return err
}

// recognize looks at the start of a line. It reports false if more of it is needed.
func (w *wrapper) recognize(all bool) bool {
	line, _, whole := strings.Cut(w.held, "\n")
	text := strings.TrimLeft(line, " ")
	if !whole && !all && len(text) < 3 && (text == "" || strings.HasPrefix("```", text) || strings.HasPrefix("~~~", text)) {
		return false
	}
	w.begun = true
	w.asIs = w.fence != "" || strings.HasPrefix(text, "|") || strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
	for _, fence := range []string{"```", "~~~"} {
		switch {
		case !strings.HasPrefix(text, fence):
		case w.fence == "":
			w.fence, w.asIs = fence, true
		case w.fence == fence:
			w.fence = ""
		}
	}
	return true
}

// put writes text as it is.
func (w *wrapper) put(out *strings.Builder, text string, columns int) {
	out.WriteString(w.blanks + text)
	w.column = (w.column + uniseg.StringWidth(w.blanks+text)) % max(1, columns)
	w.blanks, w.ended = "", w.ended && text == ""
}

// words writes the words of a text, and returns the last one if it may go on.
func (w *wrapper) words(out *strings.Builder, text string, columns int, whole bool) string {
	for state := -1; text != ""; {
		word, rest, _, next := uniseg.FirstLineSegmentInString(text, state)
		if rest == "" && !whole {
			return text
		}
		bare := strings.TrimRight(word, " ")
		need := uniseg.StringWidth(bare)
		if w.column > 0 && w.column+len(w.blanks)+need > columns && need > 0 {
			out.WriteString("\n")
			w.column, w.blanks = 0, ""
		}
		w.put(out, bare, columns)
		if w.column == 0 && need > 0 {
			w.column = columns // a full row: the terminal waits with the next one
		}
		w.blanks = word[len(bare):]
		text, state = rest, next
	}
	return ""
}
