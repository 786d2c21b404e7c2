package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/eval"
	pages "github.com/gosling-rwkv/gosling/eval/report"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/term"
)

// print writes the result to standard output and, with --html, to a page. The page comes last, so that the result is seen even if
// the page cannot be written.
func (r *comparison) print() error {
	path := r.c.Path("html")
	if path != "-" {
		err := r.printResult()
		if path == "" || err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
	}
	return writeOutput(r.c, path, func(w io.Writer) error { return pages.Write(w, r.result, compareTables(r.result)) })
}

func (r *comparison) printResult() error {
	out := r.c.App.Writer
	switch {
	case r.c.Bool("json"):
		return writeJSON(out, r.result)
	case r.c.Bool("csv"):
		return compareCSV(out, r.result)
	}
	return buffered(out, func(w io.Writer) error {
		for i, t := range compareTables(r.result) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := printTable(w, t, r.c.Bool("markdown")); err != nil {
				return err
			}
		}
		return nil
	})
}

// printTable writes a table aligned, or in Markdown.
func printTable(out io.Writer, t pages.Table, markdown bool) error {
	if markdown {
		fmt.Fprintf(out, "### %s\n\n| %s |\n|%s\n", term.Visible(t.Title), markdownCells(t.Head, " | "), " --- |"+strings.Repeat(" ---: |", len(t.Head)-1))
		for _, row := range t.Rows {
			fmt.Fprintf(out, "| %s |\n", markdownCells(row, " | "))
		}
		return nil
	}
	fmt.Fprintln(out, term.Visible(t.Title))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprintln(w, "  "+cells(row, "\t"))
	}
	return w.Flush()
}

// cells joins the cells of a row, none of which may be more than one line.
func cells(row []string, between string) string {
	shown := make([]string, len(row))
	for i, cell := range row {
		shown[i] = term.Visible(cell)
	}
	return strings.Join(shown, between)
}

// markdownCells is cells in Markdown, where a bar within a cell would begin another one.
func markdownCells(row []string, between string) string {
	shown := make([]string, len(row))
	for i, cell := range row {
		shown[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return cells(shown, between)
}

// compareTables are the models and, for each column, what the candidates cost there.
func compareTables(r eval.Comparison) []pages.Table {
	models := pages.Table{Title: "models", Head: []string{"model", "size", "bits per weight", "prefill t/s", "decode t/s", "peak memory"}}
	models.Rows = append(models.Rows, factsRow(r.Base))
	for _, task := range r.Base.Tasks {
		models.Head = append(models.Head, task.Name+" accuracy", task.Name+" PPL")
	}
	for _, c := range r.Candidates {
		models.Rows = append(models.Rows, factsRow(c.Facts))
	}
	tables := []pages.Table{models}
	for i, col := range r.Columns {
		where := fmt.Sprintf("%s, %d chunks of %d tokens, %s scored", col.Text, col.Chunks, col.Context, grouped(int64(col.Scored)))
		kld := pages.Table{Title: "KL divergence on " + where, Head: []string{"model", "PPL", "ln(PPL/base)", "mean", "median", "90 %", "95 %", "99 %", "99.9 %", "max", "same top"}}
		delta := pages.Table{Title: "Δp in percent on " + where, Head: []string{"model", "mean", "RMS", "min", "0.1 %", "1 %", "5 %", "10 %", "median", "90 %", "95 %", "99 %", "99.9 %", "max"}}
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
	row := []string{f.Name, bytesText(f.Size), fmt.Sprintf("%.2f", f.BitsPerWeight), "-", "-", "-"}
	if f.Prefill != 0 {
		row[3], row[4] = numberText("%.1f", f.Prefill), numberText("%.1f", f.Decode)
	}
	if f.PeakMemory > 0 {
		row[5] = bytesText(f.PeakMemory)
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
		row = append(row, numberText("%.6f", x))
	}
	return append(row, percent(d.SameTop))
}

func deltaRow(name string, d eval.Divergence) []string {
	s := d.DeltaSpread
	times100 := func(e eval.Estimate) eval.Estimate { return eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error} }
	row := []string{name, plusMinus("%.3f", times100(d.Delta)), plusMinus("%.3f", times100(d.DeltaRMS))}
	for _, x := range []float.Number{s.Min, s.P01, s.P1, s.P5, s.P10, s.Median, s.P90, s.P95, s.P99, s.P999, s.Max} {
		row = append(row, numberText("%.3f", 100*x))
	}
	return row
}

func plusMinus(format string, e eval.Estimate) string {
	return numberText(format, e.Value) + " ± " + numberText(format, e.Error)
}

func percent(e eval.Estimate) string {
	return plusMinus("%.2f", eval.Estimate{Value: 100 * e.Value, Error: 100 * e.Error}) + " %"
}

// compareCSV writes a row for each candidate and column.
func compareCSV(out io.Writer, r eval.Comparison) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"model", "text", "context", "chunks", "scored_tokens", "size", "bits_per_weight", "prefill_tokens_per_second", "decode_tokens_per_second", "peak_memory",
		"ppl", "ppl_error", "base_ppl", "base_ppl_error", "ln_ppl_ratio", "ln_ppl_ratio_error", "kld", "kld_error", "kld_median", "kld_p90", "kld_p95", "kld_p99", "kld_p99.9", "kld_max",
		"delta_p", "delta_p_error", "delta_p_rms", "delta_p_rms_error", "delta_p_min", "delta_p_p1", "delta_p_p5", "delta_p_median", "delta_p_p95", "delta_p_p99", "delta_p_max", "same_top", "same_top_error"}}
	for _, task := range r.Base.Tasks {
		rows[0] = append(rows[0], task.Name+"_accuracy", task.Name+"_accuracy_error", task.Name+"_ppl")
	}
	for _, c := range r.Candidates {
		for i, d := range c.Divergence {
			col, k, p := r.Columns[i], d.KLDSpread, d.DeltaSpread
			row := []any{c.Name, col.Text, col.Context, col.Chunks, col.Scored, c.Size, c.BitsPerWeight, c.Prefill, c.Decode, c.PeakMemory,
				d.PPL.Value, d.PPL.Error, d.BasePPL.Value, d.BasePPL.Error, d.LnRatio.Value, d.LnRatio.Error, d.KLD.Value, d.KLD.Error, k.Median, k.P90, k.P95, k.P99, k.P999, k.Max,
				d.Delta.Value, d.Delta.Error, d.DeltaRMS.Value, d.DeltaRMS.Error, p.Min, p.P1, p.P5, p.Median, p.P95, p.P99, p.Max, d.SameTop.Value, d.SameTop.Error}
			for _, task := range c.Tasks {
				row = append(row, task.Accuracy.Value, task.Accuracy.Error, task.PPL.Value)
			}
			var texts []string
			for _, cell := range row {
				texts = append(texts, cellText(cell))
			}
			rows = append(rows, texts)
		}
	}
	return w.WriteAll(rows)
}
