package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// step is a command of the main job. Both programs run it, each in its own folder.
type step struct {
	name  string
	args  []string
	stdin string
	alone bool // only the emulated program runs it
	// agree compares what both wrote to standard output, and the files in their folders.
	agree func(got, want result) error
	long  bool // left out of a short run
}

// result is what a program printed and wrote.
type result struct {
	dir, stdout string
}

const text = "Gänse fliegen 南へ 🪿\r\n\tin a row:  1234567890, \"honk\"!"

// mainJob covers what the program is for, from a checkpoint to text, and the commands that measure it.
var mainJob = []step{
	{name: "version", args: []string{"--version"}, alone: true, agree: says(`^gosling .*(linux/arm64|windows/amd64)\)`)},
	{name: "doctor", args: []string{"doctor", "demo"}, alone: true, agree: says(`no problems`)},
	{name: "convert", args: []string{"convert", "small.pth", "small.gguf"}, agree: sameFile("small.gguf")},
	{name: "inspect --check", args: []string{"inspect", "--check", "small.gguf"}, agree: sameOutput},
	{name: "inspect --json", args: []string{"inspect", "--json", "small.gguf"}, agree: sameOutput},
	{name: "quantize", args: []string{"quantize", "small.gguf", "small-Q4_K_M.gguf", "Q4_K_M"}, agree: sameFile("small-Q4_K_M.gguf")},
	{name: "tokenize", args: []string{"tokenize", "demo", text}, agree: sameOutput},
	{name: "run", args: []string{"run", "--threads", "1", "demo", "ROMEO:", "--n-predict", "16", "--seed", "1", "--verbose"}, agree: says(`\w`)},
	{name: "chat", args: []string{"chat", "--threads", "1", "demo", "--n-predict", "8"}, stdin: "Reverse the word goose.\n", agree: says(`\w`)},
	{name: "perplexity", args: []string{"perplexity", "--threads", "1", "demo", "--ctx", "64", "--chunks", "2", "--json"}, agree: near("nll", tolerance)},
	{name: "perplexity of Q4_K_M", args: []string{"perplexity", "--threads", "1", "small-Q4_K_M.gguf", "--text", "text.txt", "--ctx", "32", "--chunks", "8", "--json"}, agree: near("nll", tolerance)},
	{name: "embed", args: []string{"embed", "--threads", "1", "small.gguf", "The goose", "--output", "e.json"}, agree: func(result, result) error { return nil }},
	{name: "bench", args: []string{"bench", "--threads", "1", "demo", "-p", "8", "-n", "2", "-r", "1", "-o", "json"}, agree: isJSON},
	{name: "compare", args: []string{"compare", "--threads", "1", "demo", "--types", "Q4_K_M", "--context", "64", "--chunks", "1", "--no-speed", "--json"}, agree: near("kld", tolerance)},
	{name: "compare, with speed", args: []string{"compare", "--threads", "1", "demo", "--types", "Q4_K_M", "--context", "64", "--chunks", "1", "--json"}, agree: isJSON, long: true},
	{name: "sensitivity", args: []string{"sensitivity", "--threads", "1", "small.gguf", "--text", "text.txt", "--context", "32", "--chunks", "2", "--types", "Q4_0", "--json"}, agree: isJSON, long: true},
}

// tolerance is how far apart the mean of -ln p may be on two processors. ggml adds products in half precision on Arm. A logit is
// then off by up to 2^-11 of its size. -ln p is the difference between a logit and the logarithm of the sum of all, so it is off
// by up to twice that. The logits of the models here stay below 32.
const tolerance = 2 * 32 * 0x1p-11

// mainJob runs the steps. A failed step does not stop the others.
func (e *emulation) mainJob() error {
	var got, want result
	for name, r := range map[string]*result{"emulated": &got, "native": &want} {
		r.dir = filepath.Join(e.folder(), name)
		if err := fill(r.dir); err != nil {
			return err
		}
	}
	var failed error
	for _, s := range mainJob {
		if s.long && e.short {
			continue
		}
		begin := time.Now()
		if err := e.do(s, got, want); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
			continue
		}
		fmt.Fprintf(e.out, "  %-22s %5.1f s\n", s.name, time.Since(begin).Seconds())
	}
	return failed
}

// fill creates a fresh folder with the checkpoint and the text.
func fill(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	for name, from := range map[string]string{"small.pth": "testdata/rwkv-6-small.pth", "text.txt": "docs/demo-model.md"} {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (e *emulation) do(s step, got, want result) (err error) {
	if got.stdout, err = s.run(e.command(append([]string{e.program()}, s.args...)...), got.dir); err != nil {
		return err
	}
	if !s.alone {
		if want.stdout, err = s.run(e.here(s.args...), want.dir); err != nil {
			return fmt.Errorf("the program for this machine: %w", err)
		}
	}
	return s.agree(got, want)
}

func (s step) run(cmd *exec.Cmd, dir string) (stdout string, err error) {
	var out, diagnostics bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(s.stdin), &out, &diagnostics
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(s.args, " "), err, bytes.TrimSpace(diagnostics.Bytes()))
	}
	return out.String(), nil
}

// says requires that standard output matches a pattern.
func says(pattern string) func(got, want result) error {
	form := regexp.MustCompile("(?m)" + pattern)
	return func(got, _ result) error {
		if !form.MatchString(got.stdout) {
			return fmt.Errorf("printed %q, want %s", got.stdout, pattern)
		}
		return nil
	}
}

func sameOutput(got, want result) error {
	if got.stdout != want.stdout {
		return fmt.Errorf("printed %q, want %q", got.stdout, want.stdout)
	}
	return nil
}

// sameFile requires that both programs wrote the same bytes to a file.
func sameFile(name string) func(got, want result) error {
	return func(got, want result) error {
		a, err := os.ReadFile(filepath.Join(got.dir, name))
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(want.dir, name))
		if err != nil {
			return err
		}
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return fmt.Errorf("%s differs from byte %d on", name, i)
			}
		}
		if len(a) != len(b) {
			return fmt.Errorf("%s has %d bytes, want %d", name, len(a), len(b))
		}
		return nil
	}
}

func isJSON(got, _ result) error {
	var any any
	return json.Unmarshal([]byte(got.stdout), &any)
}

var numbers = regexp.MustCompile(`"(\w+)": \{\s*"value": ([-+.e\d]+)`)

// near requires that all estimates with a name differ by at most bound. There must be at least one.
func near(name string, bound float64) func(got, want result) error {
	return func(got, want result) error {
		if err := isJSON(got, want); err != nil {
			return err
		}
		a, b := estimates(got.stdout, name), estimates(want.stdout, name)
		if len(a) == 0 || len(a) != len(b) {
			return fmt.Errorf("%d values of %q, want %d", len(a), name, len(b))
		}
		for i := range a {
			if !(math.Abs(a[i]-b[i]) <= bound) {
				return fmt.Errorf("%s is %g, want %g within %.3g", name, a[i], b[i], bound)
			}
		}
		return nil
	}
}

func estimates(output, name string) (values []float64) {
	for _, m := range numbers.FindAllStringSubmatch(output, -1) {
		var x float64
		if _, err := fmt.Sscan(m[2], &x); m[1] == name && err == nil {
			values = append(values, x)
		}
	}
	return values
}
