package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// printComparison writes the result to standard output and, with --html, to a page. The page comes last, so that the result is seen even if
// the page cannot be written.
func printComparison(c *urfave.Context, r compare.Comparison) error {
	path := c.Path("html")
	if path != "-" {
		err := printResult(c, r)
		if path == "" || err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
	}
	return writeOutput(c, path, func(w io.Writer) error { return compare.WritePage(w, r) })
}

func printResult(c *urfave.Context, r compare.Comparison) error {
	out := c.App.Writer
	switch {
	case c.Bool("json"):
		return jsontext.Write(out, r)
	case c.Bool("csv"):
		return compareCSV(out, r)
	}
	return outfile.Buffered(out, func(w io.Writer) error {
		for i, t := range compare.Tables(r) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := printTable(w, t, c.Bool("markdown")); err != nil {
				return err
			}
		}
		return nil
	})
}

// printTable writes a table aligned, or in Markdown.
func printTable(out io.Writer, t compare.Table, markdown bool) error {
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

// compareCSV writes a row for each candidate and column.
func compareCSV(out io.Writer, r compare.Comparison) error {
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
				texts = append(texts, units.Cell(cell))
			}
			rows = append(rows, texts)
		}
	}
	return w.WriteAll(rows)
}
