package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// Table is a heading over rows. The first cell of each row is a name.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Write writes the table with aligned columns.
func (t Table) Write(out io.Writer) error {
	if _, err := fmt.Fprintln(out, term.Visible(t.Title)); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprintln(w, "  "+cells.Join(row, "\t"))
	}
	return w.Flush()
}

// WriteMarkdown writes the table in Markdown.
func (t Table) WriteMarkdown(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n| %s |\n|%s\n", term.Visible(t.Title), cells.Markdown(t.Head, " | "), " --- |"+strings.Repeat(" ---: |", len(t.Head)-1))
	for _, row := range t.Rows {
		fmt.Fprintf(&b, "| %s |\n", cells.Markdown(row, " | "))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// Tables returns a table of the models and, for each column, tables of what the candidates cost.
func Tables(r eval.Comparison) []Table {
	models := Table{Title: "models", Head: []string{"model", "size", "bits per weight", "prefill t/s", "decode t/s", "peak memory"}}
	models.Rows = append(models.Rows, factsRow(r.Base))
	for _, task := range r.Base.Tasks {
		models.Head = append(models.Head, task.Name+" accuracy", task.Name+" PPL")
	}
	for _, c := range r.Candidates {
		models.Rows = append(models.Rows, factsRow(c.Facts))
	}
	tables := []Table{models}
	for i, col := range r.Columns {
		where := fmt.Sprintf("%s, %d chunks of %d tokens, %s scored", col.Text, col.Chunks, col.Context, units.Grouped(int64(col.Scored)))
		kld := Table{Title: "KL divergence on " + where, Head: []string{"model", "PPL", "ln(PPL/base)", "mean", "median", "90 %", "95 %", "99 %", "99.9 %", "max", "same top"}}
		delta := Table{Title: "Δp in percent on " + where, Head: []string{"model", "mean", "RMS", "min", "0.1 %", "1 %", "5 %", "10 %", "median", "90 %", "95 %", "99 %", "99.9 %", "max"}}
		kld.Rows = append(kld.Rows, baseRow(r, i))
		for _, c := range r.Candidates {
			kld.Rows = append(kld.Rows, kldRow(c.Name, c.Divergence[i]))
			delta.Rows = append(delta.Rows, deltaRow(c.Name, c.Divergence[i]))
		}
		tables = append(tables, kld, delta)
	}
	return tables
}

func factsRow(f eval.Facts) []string {
	row := []string{f.Name, units.Bytes(f.Size), fmt.Sprintf("%.2f", f.BitsPerWeight), "-", "-", "-"}
	if f.Prefill != 0 {
		row[3], row[4] = cells.Number("%.1f", f.Prefill), cells.Number("%.1f", f.Decode)
	}
	if f.PeakMemory > 0 {
		row[5] = units.Bytes(f.PeakMemory)
	}
	for _, task := range f.Tasks {
		row = append(row, percent(task.Accuracy), plusMinus("%.3f", task.PPL))
	}
	return row
}

func baseRow(r eval.Comparison, column int) []string {
	row := []string{r.Base.Name, plusMinus("%.4f", r.Candidates[0].Divergence[column].BasePPL)}
	for len(row) < 11 {
		row = append(row, "-")
	}
	return row
}

func kldRow(name string, d eval.Divergence) []string {
	s := d.KLDSpread
	row := []string{name, plusMinus("%.4f", d.PPL), plusMinus("%.5f", d.LnRatio), plusMinus("%.6f", d.KLD)}
	for _, x := range []float.Number{s.Median, s.P90, s.P95, s.P99, s.P999, s.Max} {
		row = append(row, cells.Number("%.6f", x))
	}
	return append(row, percent(d.SameTop))
}

func deltaRow(name string, d eval.Divergence) []string {
	s := d.DeltaSpread
	times100 := func(e eval.Estimate) eval.Estimate { return eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error} }
	row := []string{name, plusMinus("%.3f", times100(d.Delta)), plusMinus("%.3f", times100(d.DeltaRMS))}
	for _, x := range []float.Number{s.Min, s.P01, s.P1, s.P5, s.P10, s.Median, s.P90, s.P95, s.P99, s.P999, s.Max} {
		row = append(row, cells.Number("%.3f", 100*x))
	}
	return row
}

func plusMinus(format string, e eval.Estimate) string {
	return cells.Number(format, e.Value) + " ± " + cells.Number(format, e.Error)
}

func percent(e eval.Estimate) string {
	return plusMinus("%.2f", eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error}) + " %"
}
