package report

import (
	"encoding/csv"
	"io"
	"slices"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/cells"
)

// csvHead holds the names of the columns before those of the tasks.
var csvHead = []string{
	"model", "text", "context", "chunks", "scored_tokens", "size", "bits_per_weight", "prefill_tokens_per_second", "decode_tokens_per_second", "peak_memory",
	"ppl", "ppl_error", "base_ppl", "base_ppl_error", "ln_ppl_ratio", "ln_ppl_ratio_error", "kld", "kld_error", "kld_median", "kld_p90", "kld_p95", "kld_p99", "kld_p99.9", "kld_max",
	"delta_p", "delta_p_error", "delta_p_rms", "delta_p_rms_error", "delta_p_min", "delta_p_p1", "delta_p_p5", "delta_p_median", "delta_p_p95", "delta_p_p99", "delta_p_max", "same_top", "same_top_error",
}

// CSV writes one row for each candidate and column.
func CSV(out io.Writer, r eval.Comparison) error {
	rows := [][]string{slices.Clone(csvHead)}
	for _, task := range r.Base.Tasks {
		rows[0] = append(rows[0], task.Name+"_accuracy", task.Name+"_accuracy_error", task.Name+"_ppl")
	}
	for _, c := range r.Candidates {
		for i, d := range c.Divergence {
			rows = append(rows, csvRow(c, r.Columns[i], d))
		}
	}
	return csv.NewWriter(out).WriteAll(rows)
}

// csvRow returns the row of a candidate in a column.
func csvRow(c eval.Candidate, col eval.Column, d eval.Divergence) []string {
	k, p := d.KLDSpread, d.DeltaSpread
	row := []any{
		c.Name, col.Text, col.Context, col.Chunks, col.Scored, c.Size, c.BitsPerWeight, c.Prefill, c.Decode, c.PeakMemory,
		d.PPL.Value, d.PPL.Error, d.BasePPL.Value, d.BasePPL.Error, d.LnRatio.Value, d.LnRatio.Error,
		d.KLD.Value, d.KLD.Error, k.Median, k.P90, k.P95, k.P99, k.P999, k.Max,
		d.Delta.Value, d.Delta.Error, d.DeltaRMS.Value, d.DeltaRMS.Error, p.Min, p.P1, p.P5, p.Median, p.P95, p.P99, p.Max, d.SameTop.Value, d.SameTop.Error,
	}
	for _, task := range c.Tasks {
		row = append(row, task.Accuracy.Value, task.Accuracy.Error, task.PPL.Value)
	}
	texts := make([]string, len(row))
	for i, cell := range row {
		texts[i] = cells.CSV(cell)
	}
	return texts
}
