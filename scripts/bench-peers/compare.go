package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/rounds"
)

// row is the comparison of one test on one model: the means over the rounds, and the median of the rounds' ratios.
type row struct {
	Model      string  `json:"model"`
	Test       string  `json:"test"`
	Rounds     int     `json:"rounds"`
	Gosling    float64 `json:"gosling_ts"` // tokens per second
	Peer       float64 `json:"llama_cpp_ts"`
	Ratio      float64 `json:"ratio"`
	RatioLow   float64 `json:"ratio_min"`
	RatioHigh  float64 `json:"ratio_max"`
	GoslingRSS int64   `json:"gosling_peak_rss"` // bytes, the highest of all rounds
	PeerRSS    int64   `json:"llama_cpp_peak_rss"`
}

// compare runs both programs on a model, n times each. They take turns in running first.
func compare(ctx context.Context, gosling, peer program, model string, n int, stderr io.Writer) ([]row, error) {
	ours, theirs := make([]measurement, n), make([]measurement, n)
	measure := func(p program, into []measurement) func(int) error {
		return func(i int) (err error) {
			fmt.Fprintf(stderr, "%s, round %d of %d: %s\n", filepath.Base(model), i+1, n, p.name)
			into[i], err = p.measure(ctx, model, stderr)
			return err
		}
	}
	if err := rounds.InTurns(n, measure(gosling, ours), measure(peer, theirs)); err != nil {
		return nil, err
	}
	var rows []row
	for _, t := range theirs[0].tests {
		r, err := summarize(model, t, ours, theirs)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// summarize returns the row of one test.
func summarize(model string, t test, ours, theirs []measurement) (row, error) {
	r := row{Model: filepath.Base(model), Test: t.String(), Rounds: len(ours)}
	var a, b []float64
	for i := range ours {
		a, b = append(a, ours[i].speeds[t]), append(b, theirs[i].speeds[t])
		if a[i] == 0 || b[i] == 0 {
			return r, fmt.Errorf("%s: only one program has the test %s", r.Model, t)
		}
		r.Gosling += a[i] / float64(len(ours))
		r.Peer += b[i] / float64(len(ours))
		r.GoslingRSS, r.PeerRSS = max(r.GoslingRSS, ours[i].rss), max(r.PeerRSS, theirs[i].rss)
	}
	ratio := rounds.Of(a, b)
	r.Ratio, r.RatioLow, r.RatioHigh = ratio.Median, ratio.Low, ratio.High
	return r, nil
}

func printJSON(w io.Writer, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

func printMarkdown(w io.Writer, peer string, rows []row) error {
	const mib = 1 << 20
	_, err := fmt.Fprintf(w, "| model | test | gosling tok/s | %s tok/s | ratio (min to max) | gosling peak MiB | %[1]s peak MiB |\n"+
		"| --- | --- | ---: | ---: | ---: | ---: | ---: |\n", peer)
	for _, r := range rows {
		if err == nil {
			_, err = fmt.Fprintf(w, "| %s | %s | %.2f | %.2f | %.3f (%.3f to %.3f) | %d | %d |\n", r.Model, r.Test,
				r.Gosling, r.Peer, r.Ratio, r.RatioLow, r.RatioHigh, r.GoslingRSS/mib, r.PeerRSS/mib)
		}
	}
	return err
}
