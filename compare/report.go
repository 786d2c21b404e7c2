package compare

import (
	"io"

	"github.com/gosling-rwkv/gosling/eval/report"
)

// Table is report.Table: a heading over rows, the first cell of each being a name.
type Table = report.Table

// Tables are the models of a comparison and, for each column, what the candidates cost there.
func Tables(c Comparison) []Table { return report.Tables(c) }

// WritePage writes a comparison as an HTML page with tables and plots.
func WritePage(w io.Writer, c Comparison) error { return report.Write(w, c) }

// WriteCSV writes a comparison as CSV, a row for each candidate and column.
func WriteCSV(w io.Writer, c Comparison) error { return report.CSV(w, c) }
