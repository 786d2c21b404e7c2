package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/rounds"
)

// row compares one figure: the medians of the rounds, and the median of the rounds' gains.
type row struct {
	Case     string  `json:"case"`
	Unit     string  `json:"unit"`
	Gosling  float64 `json:"gosling"`
	Peer     float64 `json:"llama_server"`
	Gain     float64 `json:"gain"` // above 1: Gosling is better
	GainLow  float64 `json:"gain_min"`
	GainHigh float64 `json:"gain_max"`
}

// check is a bar that was held or missed.
type check struct {
	Says string `json:"bar"`
	Held bool   `json:"held"`
}

// report is the result.
type report struct {
	Model  string  `json:"model"`
	Rounds int     `json:"rounds"`
	Rows   []row   `json:"rows"`
	Checks []check `json:"bars"`
}

// newReport compares the figures of all rounds.
func newReport(o options, ours, theirs []figures) (report, error) {
	r := report{Model: filepath.Base(o.model), Rounds: len(ours)}
	for _, f := range theirs[0] {
		if f.name == newTokens {
			continue // the same for both
		}
		a, b := values(ours, f.name), values(theirs, f.name)
		if a == nil || b == nil {
			return r, fmt.Errorf("not measured in every round, or zero: %s", f.name)
		}
		gain := rounds.Of(b, a)
		if f.unit == "tok/s" {
			gain = rounds.Of(a, b)
		}
		r.Rows = append(r.Rows, row{f.name, f.unit, rounds.Median(a), rounds.Median(b), gain.Median, gain.Low, gain.High})
	}
	if o.wants("throughput") {
		r.throughput(o, ours)
	}
	if o.wants("interactive") {
		r.interactive(o, ours)
	}
	if o.wants("turns") {
		r.turns(ours)
	}
	return r, nil
}

// values returns a figure of every round, or nil if it is missing or 0 in one.
func values(all []figures, name string) (found []float64) {
	for _, f := range all {
		value, ok := f.of(name)
		if !ok || value == 0 {
			return nil
		}
		found = append(found, value)
	}
	return found
}

// row returns the row of a case.
func (r *report) row(name string) row {
	for _, one := range r.Rows {
		if one.Case == name {
			return one
		}
	}
	return row{}
}

func (r *report) hold(held bool, format string, args ...any) {
	r.Checks = append(r.Checks, check{fmt.Sprintf(format, args...), held})
}

func (r *report) throughput(o options, ours []figures) {
	for _, clients := range o.clients {
		least := 1.1
		if clients == 1 {
			least = 1
		}
		gain := r.row(throughputOf(clients)).Gain
		r.hold(gain >= least, "%d clients: %.3f of llama-server's tokens per second, want at least %.1f", clients, gain, least)
	}
	if own := values(ours, ownBench); own != nil {
		share := rounds.Of(values(ours, throughputOf(8)), own)
		r.hold(share.Median >= 0.9, "8 clients: %s of %s, want at least 0.9", share, ownBench)
	}
}

func (r *report) interactive(o options, ours []figures) {
	latency := milliseconds(o.latency)
	first, gap := r.row(firstBeside), r.row(gapBeside)
	most := 2*rounds.Median(values(ours, firstAlone)) + latency
	r.hold(first.Gosling <= most, "%s: %.0f ms, want at most %.0f (twice its time alone, and the latency)", first.Case, first.Gosling, most)
	r.hold(first.Gain > 1, "%s: llama-server takes %.2f times as long, want more than 1", first.Case, first.Gain)
	most = latency + 2*rounds.Median(values(ours, stepAlone))
	r.hold(gap.Gosling <= most, "%s: %.0f ms, want at most %.0f (the latency and two steps)", gap.Case, gap.Gosling, most)
	r.hold(gap.Gain > 1, "%s: llama-server's is %.2f times as long, want more than 1", gap.Case, gap.Gain)
}

func (r *report) turns(ours []figures) {
	const template = 16 // tokens that a turn may read beside its message
	most := rounds.Median(values(ours, newTokens)) + template
	for _, name := range []string{readLive, readDropped} {
		read := r.row(name).Gosling
		r.hold(read <= most, "%s: %.0f, want at most %.0f (the new ones and %d)", name, read, most, template)
	}
}

// missed reports whether a bar was missed.
func (r *report) missed() bool {
	for _, c := range r.Checks {
		if !c.Held {
			return true
		}
	}
	return false
}

func (r *report) printJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) printMarkdown(w io.Writer) error {
	text := fmt.Sprintf("%s, %d rounds\n\n| case | unit | gosling | llama-server | gain (min to max) |\n| --- | --- | ---: | ---: | ---: |\n", r.Model, r.Rounds)
	for _, one := range r.Rows {
		text += fmt.Sprintf("| %s | %s | %.1f | %.1f | %s |\n", one.Case, one.Unit, one.Gosling, one.Peer, rounds.Ratio{Median: one.Gain, Low: one.GainLow, High: one.GainHigh})
	}
	text += "\n"
	for _, c := range r.Checks {
		word := "held"
		if !c.Held {
			word = "MISSED"
		}
		text += fmt.Sprintf("- %s: %s\n", word, c.Says)
	}
	_, err := io.WriteString(w, text)
	return err
}
