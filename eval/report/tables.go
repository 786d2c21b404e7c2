package report

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// Table is a heading over rows, the first cell of each being a name.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Tables are the models and, for each column, what the candidates cost there.
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
		row[3], row[4] = number("%.1f", f.Prefill), number("%.1f", f.Decode)
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
		row = append(row, number("%.6f", x))
	}
	return append(row, percent(d.SameTop))
}

func deltaRow(name string, d eval.Divergence) []string {
	s := d.DeltaSpread
	times100 := func(e eval.Estimate) eval.Estimate { return eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error} }
	row := []string{name, plusMinus("%.3f", times100(d.Delta)), plusMinus("%.3f", times100(d.DeltaRMS))}
	for _, x := range []float.Number{s.Min, s.P01, s.P1, s.P5, s.P10, s.Median, s.P90, s.P95, s.P99, s.P999, s.Max} {
		row = append(row, number("%.3f", 100*x))
	}
	return row
}

func plusMinus(format string, e eval.Estimate) string {
	return number(format, e.Value) + " ± " + number(format, e.Error)
}

func percent(e eval.Estimate) string {
	return plusMinus("%.2f", eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error}) + " %"
}

// number writes a number, or "-" where it is unknown or beyond all bounds.
func number[F ~float64](format string, n F) string {
	if !float.Number(n).Finite() {
		return "-"
	}
	return fmt.Sprintf(format, n)
}
