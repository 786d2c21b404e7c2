package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen is a terminal that never scrolls: what a program writes, with carriage returns, tabs and the moves and erasures
// of line editors carried out. Colors are left out.
type screen struct {
	columns  int
	lines    [][]rune
	row, col int
	pending  []byte // the beginning of a character or of an escape sequence
}

func newScreen(columns int) *screen { return &screen{columns: columns, lines: [][]rune{nil}} }

func (s *screen) write(data []byte) {
	s.pending = append(s.pending, data...)
	for len(s.pending) > 0 {
		n := s.next(s.pending)
		if n == 0 {
			return // more is to come
		}
		s.pending = s.pending[n:]
	}
}

// next carries out what stands at the beginning of p, and returns how long it is; 0 if it has not come whole.
func (s *screen) next(p []byte) int {
	switch p[0] {
	case '\n':
		s.down(1)
	case '\r':
		s.col = 0
	case '\b':
		s.col = max(0, s.col-1)
	case '\t':
		s.col = min(s.columns-1, (s.col/8+1)*8)
	case '\x1b':
		return s.escape(p)
	default:
		if p[0] < ' ' || p[0] == 0x7f {
			return 1
		}
		if !utf8.FullRune(p) {
			return 0
		}
		r, n := utf8.DecodeRune(p)
		s.put(r)
		return n
	}
	return 1
}

// escape carries out a control sequence: ESC [ numbers letter. Others are two bytes long and ignored.
func (s *screen) escape(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	if p[1] != '[' {
		return 2
	}
	end := 2
	for ; end < len(p) && (p[end] < '@' || p[end] > '~'); end++ {
	}
	if end == len(p) {
		return 0
	}
	count, err := strconv.Atoi(string(p[2:end]))
	steps := max(1, count)
	switch p[end] {
	case 'A':
		s.row = max(0, s.row-steps)
	case 'B':
		s.down(steps)
	case 'C':
		s.col = min(s.columns-1, s.col+steps)
	case 'D':
		s.col = max(0, s.col-steps)
	case 'G':
		s.col = min(s.columns, steps) - 1
	case 'K', 'J':
		s.erase(p[end] == 'J', err == nil && count == 2)
	}
	return end + 1
}

// erase wipes from the cursor to the end of the line, or of the screen; whole wipes the line's beginning too.
func (s *screen) erase(below, whole bool) {
	if whole {
		s.lines[s.row] = nil
	}
	s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
	if below {
		s.lines = s.lines[:s.row+1]
	}
}

func (s *screen) down(n int) {
	s.row += n
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) put(r rune) {
	if s.col >= s.columns {
		s.col = 0
		s.down(1)
	}
	for len(s.lines[s.row]) <= s.col {
		s.lines[s.row] = append(s.lines[s.row], ' ')
	}
	s.lines[s.row][s.col] = r
	s.col++
}

// line is the cursor's line up to the cursor.
func (s *screen) line() string {
	line := s.lines[s.row]
	return string(line[:min(s.col, len(line))])
}

// waiting reports whether nothing but a prompt of that many characters stands in the cursor's line.
func (s *screen) waiting(prompt int) bool { return s.col == prompt }

// text is what stands on the screen, without blanks at the ends of lines and without empty lines at the end.
func (s *screen) text() []string {
	var all []string
	for _, line := range s.lines {
		all = append(all, strings.TrimRight(string(line), " "))
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}
