package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"

	"github.com/gosling-rwkv/gosling/internal/rss"
)

// program is one of the two programs to compare.
type program struct {
	name, path string
	args       func(model string) []string
}

// test is what a speed was measured on: tokens of prefill and tokens decoded. One of them is 0.
type test struct{ prompt, gen int }

// String returns the test's name as llama-bench writes it, such as pp512 or tg128.
func (t test) String() string {
	switch {
	case t.gen == 0:
		return fmt.Sprintf("pp%d", t.prompt)
	case t.prompt == 0:
		return fmt.Sprintf("tg%d", t.gen)
	}
	return fmt.Sprintf("pp%d+tg%d", t.prompt, t.gen)
}

// measurement is the result of one run of a program.
type measurement struct {
	tests  []test // in the order printed
	speeds map[test]float64
	rss    int64 // peak resident memory in bytes; 0 if the system does not tell
}

// measure runs the program on a model. It prefers the peak memory that the program reports: gosling bench ends with a large
// buffer that does not belong to the model. Otherwise it takes that of the process, which is at least as large as that of this
// program, because it was forked from it.
func (p program) measure(ctx context.Context, model string, stderr io.Writer) (measurement, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, p.path, p.args(model)...)
	cmd.Stdout, cmd.Stderr = &out, stderr
	if err := cmd.Run(); err != nil {
		return measurement{}, fmt.Errorf("%s: %w", cmd, err)
	}
	var results []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Speed  float64 `json:"avg_ts"`
		RSS    int64   `json:"peak_rss"`
	}
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		return measurement{}, fmt.Errorf("%s: did not print a JSON list of results: %w", cmd, err)
	}
	if len(results) == 0 {
		return measurement{}, fmt.Errorf("%s: printed no results", cmd)
	}
	m := measurement{speeds: map[test]float64{}, rss: rss.PeakOf(cmd.ProcessState)}
	for _, r := range results {
		t := test{r.Prompt, r.Gen}
		if r.Speed <= 0 {
			return measurement{}, fmt.Errorf("%s: %s has an avg_ts of %g, want tokens per second", cmd, t, r.Speed)
		}
		if r.RSS > 0 {
			m.rss = r.RSS
		}
		m.tests = append(m.tests, t)
		m.speeds[t] = r.Speed
	}
	return m, nil
}
