package lineedit

import (
	"strings"

	"github.com/rivo/uniseg"
)

// cell is a grapheme cluster on the screen.
type cell struct {
	shown string
	width int // in columns
}

// row is one row of the screen.
type row []cell

// width returns the number of columns that a row fills.
func (r row) width() int {
	n := 0
	for _, c := range r {
		n += c.width
	}
	return n
}

// tab is the distance of tab stops.
const tab = 4

// shown returns how a cluster is drawn at a column of the screen. It draws control characters as ^X.
func shown(cluster string, column int) cell {
	if cluster == "\t" {
		n := tab - column%tab
		return cell{strings.Repeat(" ", n), n}
	}
	if c := cluster[0]; c < 0x20 || c == 0x7f {
		return cell{"^" + string(rune(c^0x40)), 2}
	}
	if len(cluster) == 2 && cluster[0] == 0xc2 && cluster[1] < 0xa0 { // C1 controls, which terminals obey
		return cell{"^" + string(rune(cluster[1]-0x40)), 2}
	}
	return cell{cluster, uniseg.StringWidth(cluster)}
}

// layout is a text on rows of a screen.
type layout struct {
	rows        []row
	wraps       []bool // whether a row's line goes on in the next row
	row, column int    // the cursor's
}

// place lays a text out on rows of a width. prompt stands before the first line, and more before the others. at is the cursor's
// byte offset. Behind a full row the cursor is on the next one.
func place(prompt, more, text string, at, width int) layout {
	var l layout
	var current row
	column := 0
	push := func(wraps bool) {
		l.rows, l.wraps = append(l.rows, current), append(l.wraps, wraps)
		current, column = nil, 0
	}
	put := func(c cell) {
		if column+c.width > width && column > 0 {
			push(true)
		}
		current, column = append(current, c), column+c.width
	}
	write := func(s string) {
		for state := -1; s != ""; {
			var cluster string
			cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
			put(shown(cluster, column))
		}
	}
	write(prompt)
	offset := 0
	for i, line := range strings.SplitAfter(text, "\n") {
		if i > 0 {
			push(false)
			write(more)
		}
		for state, rest := -1, line; rest != ""; {
			var cluster string
			cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
			here := offset == at
			offset += len(cluster)
			if cluster == "\n" {
				if here { // at the end of a full row too
					l.row, l.column = len(l.rows), min(column, width-1)
				}
				break
			}
			c := shown(cluster, column)
			if column+c.width > width && column > 0 {
				push(true)
				c = shown(cluster, column)
			}
			if here {
				l.row, l.column = len(l.rows), column
			}
			put(c)
		}
	}
	if offset == at && column >= width {
		push(true)
	}
	if offset == at {
		l.row, l.column = len(l.rows), column
	}
	push(false)
	return l
}
