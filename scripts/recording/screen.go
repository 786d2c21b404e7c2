package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen is a terminal that never scrolls. It shows what a program writes, and follows carriage returns, tabs, and the cursor
// moves and erasures of line editors. It ignores colors.
type screen struct {
	columns  int
	lines    [][]rune
	row, col int
	pending  []byte // the start of an incomplete character or escape sequence
}

func newScreen(columns int) *screen { return &screen{columns: columns, lines: [][]rune{nil}} }

func (s *screen) write(data []byte) {
	s.pending = append(s.pending, data...)
	for len(s.pending) > 0 {
		n := s.next(s.pending)
		if n == 0 {
			return // the rest follows later
		}
		s.pending = s.pending[n:]
	}
}

// next executes the item at the start of p and returns its length, or 0 if it is incomplete.
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

// escape executes a control sequence: ESC [ numbers letter. Other sequences have two bytes and are ignored.
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

// erase clears from the cursor to the end of the line or, with below, of the screen. whole also clears the start of the line.
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

// line returns the cursor's line up to the cursor.
func (s *screen) line() string {
	line := s.lines[s.row]
	return string(line[:min(s.col, len(line))])
}

// waiting reports whether the cursor's line contains only a prompt of that many characters.
func (s *screen) waiting(prompt int) bool { return s.col == prompt }

// text returns the lines on the screen, without trailing blanks and trailing empty lines.
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
