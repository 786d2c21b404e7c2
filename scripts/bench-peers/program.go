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
	parse      func(output []byte) ([]figure, error)
}

// test is what a speed was measured on: tokens of prefill and tokens decoded. One of them is 0. sequences is 0 for a test of
// one sequence alone.
type test struct{ prompt, gen, sequences int }

// String returns the test's name as llama-bench writes it, such as pp512 or tg128. Sequences side by side are tg128 x 4.
func (t test) String() string {
	name := fmt.Sprintf("pp%d+tg%d", t.prompt, t.gen)
	switch {
	case t.gen == 0:
		name = fmt.Sprintf("pp%d", t.prompt)
	case t.prompt == 0:
		name = fmt.Sprintf("tg%d", t.gen)
	}
	if t.sequences > 0 {
		name += fmt.Sprintf(" x %d", t.sequences)
	}
	return name
}

// figure is one speed that a program prints.
type figure struct {
	test
	speed float64 // tokens per second
	rss   int64   // peak resident memory in bytes; 0 if the program does not tell
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
	results, err := p.parse(out.Bytes())
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w", cmd, err)
	}
	if len(results) == 0 {
		return measurement{}, fmt.Errorf("%s: printed no results", cmd)
	}
	m := measurement{speeds: map[test]float64{}, rss: rss.PeakOf(cmd.ProcessState)}
	for _, r := range results {
		if r.speed <= 0 {
			return measurement{}, fmt.Errorf("%s: %s has a speed of %g, want tokens per second", cmd, r.test, r.speed)
		}
		if r.rss > 0 {
			m.rss = r.rss
		}
		m.tests = append(m.tests, r.test)
		m.speeds[r.test] = r.speed
	}
	return m, nil
}

// parseAlone parses the JSON of gosling bench and llama-bench.
func parseAlone(output []byte) ([]figure, error) {
	var records []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Speed  float64 `json:"avg_ts"`
		RSS    int64   `json:"peak_rss"`
	}
	if err := json.Unmarshal(output, &records); err != nil {
		return nil, fmt.Errorf("did not print a JSON list of results: %w", err)
	}
	var results []figure
	for _, r := range records {
		results = append(results, figure{test{prompt: r.Prompt, gen: r.Gen}, r.Speed, r.RSS})
	}
	return results, nil
}

// sideBySide is a record of gosling bench --parallel and llama-batched-bench. It holds two speeds.
type sideBySide struct {
	Prompt      int     `json:"pp"`
	Gen         int     `json:"tg"`
	Sequences   int     `json:"pl"`
	PromptSpeed float64 `json:"speed_pp"`
	GenSpeed    float64 `json:"speed_tg"`
	RSS         int64   `json:"peak_rss"`
}

func (r sideBySide) results() (results []figure) {
	if r.Prompt > 0 {
		results = append(results, figure{test{prompt: r.Prompt, sequences: r.Sequences}, r.PromptSpeed, r.RSS})
	}
	if r.Gen > 0 {
		results = append(results, figure{test{gen: r.Gen, sequences: r.Sequences}, r.GenSpeed, r.RSS})
	}
	return results
}

// parseSideBySide parses the JSON list of gosling bench --parallel, or the lines of llama-batched-bench, which stand among other output.
func parseSideBySide(output []byte) (results []figure, err error) {
	var list []sideBySide
	if err := json.Unmarshal(output, &list); err != nil {
		for line := range bytes.Lines(output) {
			if !bytes.HasPrefix(line, []byte("{")) {
				continue
			}
			var r sideBySide
			if err := json.Unmarshal(line, &r); err != nil {
				return nil, fmt.Errorf("printed a line that is not JSON: %w", err)
			}
			list = append(list, r)
		}
	}
	for _, r := range list {
		results = append(results, r.results()...)
	}
	return results, nil
}
