package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/rounds"
	"github.com/gosling-rwkv/gosling/internal/served"
)

// sample keeps values for percentiles: all of the first, and a fair choice of more.
type sample struct {
	kept []float64
	seen int
}

// sampled is how many values a sample keeps.
const sampled = 100_000

func (s *sample) add(value float64) {
	s.seen++
	if len(s.kept) < sampled {
		s.kept = append(s.kept, value)
	} else if i := rand.IntN(s.seen); i < sampled {
		s.kept[i] = value
	}
}

// percentiles are in milliseconds.
type percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

func (s *sample) percentiles() percentiles {
	if len(s.kept) == 0 {
		return percentiles{}
	}
	return percentiles{rounds.Percentile(s.kept, 50), rounds.Percentile(s.kept, 95), rounds.Percentile(s.kept, 99)}
}

func (p percentiles) String() string { return fmt.Sprintf("%.1f / %.1f / %.1f", p.P50, p.P95, p.P99) }

// record collects answers. It may be used by many goroutines.
type record struct {
	mu               sync.Mutex
	begin            time.Time
	first, gap, long sample
	requests, tokens int
	failures         map[string]int
	faults           int // requests of clients that misbehave
}

func newRecord() *record { return &record{begin: time.Now(), failures: map[string]int{}} }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// answer notes an answer, and why it is wrong if it is.
func (r *record) answer(a *served.Answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if err != nil {
		r.fail(err)
		return
	}
	r.tokens += a.Usage.Completed
	r.first.add(milliseconds(a.First()))
	r.long.add(milliseconds(a.Total))
	for _, gap := range a.Gaps() {
		r.gap.add(milliseconds(gap))
	}
}

// fail notes a failure, as long as there are few kinds. The caller holds the lock.
func (r *record) fail(err error) {
	const kinds = 50
	says := err.Error()
	if len(r.failures) >= kinds && r.failures[says] == 0 {
		says = "others"
	}
	r.failures[says]++
}

// misuse notes a request of a client that misbehaves. err says that the server did not do what it must.
func (r *record) misuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults++
	if err != nil {
		r.fail(err)
	}
}

// stage is a part of the report.
type stage struct {
	Name     string         `json:"name"`
	Seconds  float64        `json:"seconds"`
	Requests int            `json:"requests"`
	Faults   int            `json:"faults,omitempty"`
	Tokens   float64        `json:"tokens_per_second"`
	First    percentiles    `json:"first_ms"`
	Gap      percentiles    `json:"gap_ms"`
	Total    percentiles    `json:"total_ms"`
	Failures map[string]int `json:"failures"`
}

func (r *record) stage(name string) stage {
	r.mu.Lock()
	defer r.mu.Unlock()
	seconds := time.Since(r.begin).Seconds()
	return stage{name, seconds, r.requests, r.faults, float64(r.tokens) / seconds, r.first.percentiles(), r.gap.percentiles(), r.long.percentiles(), maps.Clone(r.failures)}
}

// report is the result.
type report struct {
	Stages []stage           `json:"stages"`
	Before *served.Resources `json:"before,omitempty"`
	After  *served.Resources `json:"after,omitempty"`
	Checks []check           `json:"checks"`
}

// check is something that had to hold.
type check struct {
	Says string `json:"check"`
	Held bool   `json:"held"`
}

func (r *report) hold(held bool, format string, args ...any) {
	r.Checks = append(r.Checks, check{fmt.Sprintf(format, args...), held})
}

// resources notes what the server used, and checks it. A growth below 0 means that nobody knows how much memory it may take.
func (r *report) resources(before, after served.Resources, growth int64) {
	r.Before, r.After = &before, &after
	if before.RSS < 0 {
		return
	}
	err := grown(before, after)
	r.hold(err == nil, "no descriptors and goroutines are left%s", because(err))
	const mib = 1 << 20
	if before.Private >= 0 && growth >= 0 {
		r.hold(after.Private <= before.Private+growth, "memory grew by %d MiB, want at most %d", (after.Private-before.Private)/mib, growth/mib)
	}
}

// because returns ": err", or "".
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// failed counts failures and checks that did not hold.
func (r *report) failed() (n int) {
	for _, s := range r.Stages {
		for _, times := range s.Failures {
			n += times
		}
	}
	for _, c := range r.Checks {
		if !c.Held {
			n++
		}
	}
	return n
}

func (r *report) print(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	text := "| | requests | tok/s | first ms p50 / p95 / p99 | gap ms | total ms |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
	for _, s := range r.Stages {
		text += fmt.Sprintf("| %s | %d | %.1f | %s | %s | %s |\n", s.Name, s.Requests, s.Tokens, s.First, s.Gap, s.Total)
	}
	text += "\n"
	for _, s := range r.Stages {
		if s.Faults > 0 {
			text += fmt.Sprintf("%s: %d requests of clients that misbehave\n", s.Name, s.Faults)
		}
		for _, says := range slices.Sorted(maps.Keys(s.Failures)) {
			text += fmt.Sprintf("%s: FAILED %d times: %s\n", s.Name, s.Failures[says], says)
		}
	}
	const mib = 1 << 20
	for i, u := range []*served.Resources{r.Before, r.After} {
		if u != nil && u.RSS >= 0 {
			text += fmt.Sprintf("%s: resident %d MiB, %d MiB of it private; %d goroutines, %d threads, %d descriptors\n", []string{"before", "after"}[i], u.RSS/mib, u.Private/mib, u.Goroutines, u.Threads, u.Descriptors)
		}
	}
	for _, c := range r.Checks {
		word := "held"
		if !c.Held {
			word = "FAILED"
		}
		text += fmt.Sprintf("- %s: %s\n", word, c.Says)
	}
	_, err := io.WriteString(w, text)
	return err
}
