package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/eval"
)

// speed measures a model in a process of its own, so that its memory is that of this model alone.
func (r *comparison) speed(f *eval.Facts, path string) error {
	if r.kldOnly || r.c.Bool("no-speed") {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"bench", "-p", "512", "-n", "32", "-r", "2", "-o", "json"}, passedOn(r.c)...)
	cmd := exec.CommandContext(r.c.Context, program, append(args, "--", path)...)
	cmd.Args[0] = "gosling"
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		if r.c.Err() != nil {
			return r.c.Err()
		}
		return fmt.Errorf("measuring the speed of %s: %w: %s", path, err, bytes.TrimSpace(diagnostics.Bytes()))
	}
	var results []bench.Result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		return fmt.Errorf("measuring the speed of %s: %w", path, err)
	}
	for _, result := range results {
		if result.Prompt > 0 {
			f.Prefill = result.AvgTS
		} else {
			f.Decode = result.AvgTS
		}
		f.PeakMemory = max(f.PeakMemory, result.PeakRSS)
	}
	return nil
}

// passedOn are the flags that say how a model is run.
func passedOn(c *urfave.Context) []string {
	var args []string
	for _, name := range []string{"device", "ggml"} {
		if c.IsSet(name) {
			args = append(args, "--"+name, c.String(name))
		}
	}
	for _, name := range []string{"threads", "gpu-layers"} {
		if c.IsSet(name) {
			args = append(args, "--"+name, strconv.Itoa(c.Int(name)))
		}
	}
	if c.Bool("no-mmap") {
		args = append(args, "--no-mmap")
	}
	return args
}
