package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/rss"
)

// The limits of one run on a small file.
const (
	patience   = 20 * time.Second
	mostMemory = 1 << 30 // resident
	mostOutput = 1 << 20
)

// trial is one damaged file and the command that reads it.
type trial struct {
	program string
	kind    kind
	data    []byte // contents of the damaged file
	command []string
	number  int
}

// newTrial returns mutation i.
func newTrial(o options, kinds []kind, i int) trial {
	rng := rand.New(rand.NewPCG(o.seed, uint64(i)))
	k := kinds[i%len(kinds)]
	other := kinds[rng.IntN(len(kinds))]
	data := k.files[k.target]
	for range 1 + rng.IntN(3) {
		data = mutate(rng, data, other.files[other.target], k.text)
	}
	return trial{o.program, k, data, k.commands[rng.IntN(len(k.commands))], i}
}

// result is the result of a trial.
type result struct {
	fault   string // empty if all is well
	refused bool   // the program reported an error
	took    time.Duration
	memory  int64 // peak resident memory; 0 if the system does not tell
	output  []byte
	said    []byte // the part that went to standard error
}

// run writes the trial's files to a folder and runs the command on them.
func (t trial) run(ctx context.Context, dir string) result {
	if err := t.write(dir); err != nil {
		return result{fault: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, t.command...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "GOTRACEBACK=single")
	if t.kind.stdin != "" {
		cmd.Stdin = strings.NewReader(t.kind.stdin)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	began := time.Now()
	err := cmd.Run()
	r := result{refused: err != nil, took: time.Since(began), output: append(out.Bytes(), said.Bytes()...), said: said.Bytes()}
	if cmd.ProcessState != nil {
		r.memory = rss.PeakOf(cmd.ProcessState)
	}
	r.fault = judge(ctx, err, r)
	return r
}

// write writes the kind's files to an empty folder. One of them is damaged.
func (t trial) write(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	for name, data := range t.kind.files {
		if name == t.kind.target {
			data = t.data
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// broken matches output that only a bug in gosling or ggml prints.
var broken = regexp.MustCompile(`(?m)^panic: |^goroutine \d+|^fatal error: |GGML_ASSERT|runtime error|internal error`)

// judge says what is wrong with a run, or returns "".
func judge(ctx context.Context, err error, r result) string {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("no end after %s", patience)
	case err != nil && !errors.As(err, &exit):
		return err.Error()
	case exit != nil && exit.ExitCode() != 1:
		return exit.String()
	case broken.Match(r.output):
		return broken.FindString(string(r.output))
	case r.memory > mostMemory:
		return fmt.Sprintf("%d MiB of memory", r.memory>>20)
	case len(r.output) > mostOutput:
		return fmt.Sprintf("%d bytes of output", len(r.output))
	case exit != nil && !bytes.Contains(r.output, []byte("gosling: ")):
		return "no error message"
	case bytes.ContainsAny(r.said, "\x1b\x07"): // generated text may contain them if it does not go to a terminal
		return "escape sequences on standard error"
	}
	return ""
}

// keep writes a trial to a folder of its own and returns the command that repeats it.
func (t trial) keep(dir string, r result) string {
	dir = filepath.Join(dir, fmt.Sprintf("%d-%s", t.number, t.kind.name))
	err := errors.Join(t.write(dir), os.WriteFile(filepath.Join(dir, "output.txt"), r.output[:min(len(r.output), mostOutput)], 0o644))
	if err != nil {
		return err.Error()
	}
	return "cd " + dir + " && gosling " + strings.Join(t.command, " ")
}
