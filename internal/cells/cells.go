// Package cells writes the cells of tables: for people, for Markdown and for spreadsheets.
package cells

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// Join joins the cells of a row, each shown on one line.
func Join(row []string, between string) string {
	shown := make([]string, len(row))
	for i, cell := range row {
		shown[i] = term.Visible(cell)
	}
	return strings.Join(shown, between)
}

// Markdown is Join for Markdown, where a bar within a cell would begin another one.
func Markdown(row []string, between string) string {
	escaped := make([]string, len(row))
	for i, cell := range row {
		escaped[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return Join(escaped, between)
}

// Number writes a number, or "-" where it is not finite.
func Number[F ~float64](format string, n F) string {
	if !float.Number(n).Finite() {
		return "-"
	}
	return fmt.Sprintf(format, n)
}

// CSV is a cell of a CSV file. A number that is not finite is an empty cell. A text that a spreadsheet would take for a formula
// begins with an apostrophe.
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
