package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// result is the result of one target.
type result struct {
	executions, found string // as go test counts them; empty if it did not get that far
	err               error
	output            string // of a target that failed
}

// minimize is the maximum time for making one input smaller. Go's default is a minute, which a short run would spend on its first
// input.
const minimize = "2s"

// fuzz runs one target. Its time starts with the first new input, after the seeds and the kept corpus.
func (p *pkg) fuzz(ctx context.Context, binary, name string, o options) result {
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+o.time.String(),
		"-test.fuzzminimizetime="+minimize, fmt.Sprintf("-test.parallel=%d", o.workers),
		"-test.fuzzcachedir="+filepath.Join(o.dir, "corpus", filepath.FromSlash(p.short)))
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	r := result{err: err}
	r.read(string(out))
	return r
}

// progress matches a line that go test prints every three seconds.
var progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)

// baseline matches such a line while the seeds and the kept inputs run, which may take the whole time.
var baseline = regexp.MustCompile(`gathering baseline coverage: (\d+/\d+) completed`)

// timeUp matches the whole output of a run that found nothing but is reported as a failure: before Go 1.27 the end of the time
// may be taken for an error (go.dev/issue/75804). After a failure of the code under test the output names an input.
var timeUp = regexp.MustCompile(`^\s*--- FAIL: \S+ \([0-9.]+s\)\n\s*context deadline exceeded\n\s*FAIL\s*$`)

// read extracts the counts and, after a failure, all lines that do not show progress.
func (r *result) read(out string) {
	var rest []string
	for line := range strings.Lines(out) {
		if m := progress.FindStringSubmatch(line); m != nil {
			r.executions, r.found = m[1], m[2]
		} else if m := baseline.FindStringSubmatch(line); m != nil {
			r.executions, r.found = m[1], "no"
		} else if !strings.HasPrefix(line, "fuzz: elapsed") {
			rest = append(rest, "    "+line)
		}
	}
	r.output = strings.Join(rest, "")
	if r.err != nil && timeUp.MatchString(r.output) {
		r.err = nil
	}
	if r.err == nil {
		r.output = ""
	}
}

// print writes the target's line.
func (r *result) print(out io.Writer, name string) {
	if r.err != nil {
		fmt.Fprintf(out, "%-70s FAILED: %v\n%s", name, r.err, r.output)
		return
	}
	fmt.Fprintf(out, "%-70s %10s executions %6s new inputs  ok\n", name, r.executions, r.found)
}
