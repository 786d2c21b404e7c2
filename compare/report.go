package compare

import (
	"io"

	"github.com/gosling-rwkv/gosling/eval/report"
)

// Table is report.Table: a heading over rows. The first cell of each row is a name.
type Table = report.Table

// Tables returns a table of the models and, for each column, tables of what the candidates cost.
func Tables(c Comparison) []Table { return report.Tables(c) }

// WritePage writes a comparison as an HTML page with tables and plots.
func WritePage(w io.Writer, c Comparison) error { return report.Write(w, c) }

// WriteCSV writes a comparison as CSV, one row for each candidate and column.
func WriteCSV(w io.Writer, c Comparison) error { return report.CSV(w, c) }

// WriteTables writes the tables of a comparison, with blank lines between them.
func WriteTables(w io.Writer, c Comparison, markdown bool) error {
	for i, t := range Tables(c) {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		write := t.Write
		if markdown {
			write = t.WriteMarkdown
		}
		if err := write(w); err != nil {
			return err
		}
	}
	return nil
}
