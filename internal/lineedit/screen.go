package lineedit

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// screen draws a text and knows what it has drawn. A text that is longer than the screen is drawn around the cursor.
type screen struct {
	out           io.Writer
	width, height int
	drawn         []row // the rows on the screen
	row, column   int   // the cursor's, in these rows
}

// resize sets the size of the terminal.
func (s *screen) resize(width, height int) { s.width, s.height = max(2, width), max(2, height) }

// begin forgets what was drawn. The cursor is at the start of an empty row.
func (s *screen) begin() { s.drawn, s.row, s.column = nil, 0, 0 }

// draw changes the screen from what was drawn last to another text.
func (s *screen) draw(v view) error {
	l := s.layout(v)
	rows, first := l.rows, 0
	if len(rows) > s.height { // the part around the cursor
		first = min(max(0, l.row-s.height/2), len(rows)-s.height)
		rows = rows[first : first+s.height]
	}
	var out strings.Builder
	for i, r := range rows {
		var old row
		if i < len(s.drawn) {
			old = s.drawn[i]
		}
		same := common(old, r)
		if i < len(s.drawn) && same == len(r) && same == len(old) {
			continue
		}
		s.move(&out, i, r[:same].width())
		s.write(&out, r[same:])
		if r.width() < s.width && (i >= len(s.drawn) || r.width() < old.width() || odd(old)) {
			out.WriteString("\x1b[K")
		}
	}
	if len(s.drawn) > len(rows) {
		s.move(&out, len(rows)-1, 0)
		out.WriteString("\x1b[B\x1b[J\x1b[A") // the rows below
	}
	s.drawn = slices.Clone(rows)
	s.move(&out, l.row-first, l.column)
	if out.Len() == 0 {
		return nil
	}
	text := out.String()
	if strings.Count(text, "\n")+strings.Count(text, "\x1b[") > 2 {
		text = "\x1b[?25l" + text + "\x1b[?25h" // without the cursor jumping around
	}
	_, err := io.WriteString(s.out, text)
	return err
}

// finish draws a text for good, with the cursor below it. A line that fills several rows is written in one go where that is possible,
// so that the terminal takes it for one line.
func (s *screen) finish(v view) error {
	l := s.layout(v)
	var out strings.Builder
	s.move(&out, 0, 0)
	out.WriteString("\x1b[J")
	for i, r := range l.rows {
		s.column = 0
		s.write(&out, r)
		if wrapped := i+1 < len(l.rows) && l.wraps[i] && s.column == s.width; !wrapped {
			out.WriteString("\r\n")
		}
	}
	s.begin()
	_, err := io.WriteString(s.out, out.String())
	return err
}

// lift moves the cursor up by some rows, to the start of what was drawn, and erases from there.
func (s *screen) lift(rows int) error {
	s.begin()
	up := ""
	if rows > 0 {
		up = fmt.Sprintf("\x1b[%dA", rows)
	}
	_, err := io.WriteString(s.out, "\r"+up+"\x1b[J")
	return err
}

// clear erases the whole screen.
func (s *screen) clear() error {
	s.begin()
	_, err := io.WriteString(s.out, "\x1b[H\x1b[2J")
	return err
}

// above returns how many rows of the screen are above the cursor after the terminal has become narrower: as many as were drawn, or
// more if the terminal breaks long rows into several. column is the cursor's column in the latter case.
func (s *screen) above(width int) (kept, broken, column int) {
	for _, r := range s.drawn[:min(s.row, len(s.drawn))] {
		broken += max(1, (r.width()+width-1)/width)
	}
	return s.row, broken + s.column/width, s.column % width
}

// common returns how many cells two rows have in common at their start.
func common(a, b row) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// odd reports whether a row has clusters whose width terminals do not agree about: those of several code points.
func odd(r row) bool {
	return slices.ContainsFunc(r, cell.odd)
}

func (c cell) odd() bool {
	n := 0
	for range c.shown {
		n++
	}
	return n > 1 && c.shown[0] >= 0x80 || n > c.width
}

// write writes cells. After a cluster of several code points it tells the terminal in which column the next one stands.
func (s *screen) write(out *strings.Builder, cells row) {
	for _, c := range cells {
		out.WriteString(c.shown)
		s.column += c.width
		if c.odd() && s.column < s.width {
			fmt.Fprintf(out, "\x1b[%dG", s.column+1)
		}
	}
}

// move moves the cursor. Rows that are not on the screen yet are added below.
func (s *screen) move(out *strings.Builder, to, column int) {
	switch {
	case to < s.row:
		fmt.Fprintf(out, "\x1b[%dA", s.row-to)
	case to > s.row:
		below := min(to, max(len(s.drawn)-1, s.row))
		if below > s.row {
			fmt.Fprintf(out, "\x1b[%dB", below-s.row)
		}
		if to > below {
			out.WriteString("\r" + strings.Repeat("\n", to-below))
			s.column = 0
		}
	}
	s.row = to
	switch {
	case column == s.column && column < s.width:
	case column == 0:
		out.WriteString("\r")
	default:
		fmt.Fprintf(out, "\x1b[%dG", min(column, s.width-1)+1)
	}
	s.column = column
}

// layout places a view on rows of the screen.
func (s *screen) layout(v view) layout { return place(v.prompt, v.more, v.text, v.at, s.width) }
