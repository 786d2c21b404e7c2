// Package cells writes the cells of tables: for people, for Markdown and for spreadsheets.
package cells

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// Join joins the cells of a row. It shows each cell on one line.
func Join(row []string, between string) string {
	shown := make([]string, len(row))
	for i, cell := range row {
		shown[i] = term.Visible(cell)
	}
	return strings.Join(shown, between)
}

// Markdown joins cells as Join does. It escapes bars, which would begin another cell.
func Markdown(row []string, between string) string {
	escaped := make([]string, len(row))
	for i, cell := range row {
		escaped[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return Join(escaped, between)
}

// Number formats a number. It returns "-" if the number is not finite.
func Number[F ~float64](format string, n F) string {
	if !float.Number(n).Finite() {
		return "-"
	}
	return fmt.Sprintf(format, n)
}

// CSV returns a cell of a CSV file. A number that is not finite gives an empty cell. A text that a spreadsheet would take for a
// formula gets an apostrophe in front.
func CSV(value any) string {
	switch n := value.(type) {
	case string:
		if strings.IndexAny(n, "=+-@\t\r\n") == 0 {
			return "'" + n
		}
	case float.Number:
		if !n.Finite() {
			return ""
		}
	case float64:
		return CSV(float.Number(n))
	}
	return fmt.Sprint(value)
}
