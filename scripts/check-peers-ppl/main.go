// Check-peers-ppl compares the perplexity and the KL divergence of "gosling compare" with those of a llama-perplexity on the same RWKV-7
// models and text:
//
//	go run ./scripts/check-peers-ppl --llama-perplexity PATH --text FILE [flags] BASE CANDIDATE
//
// Each program computes its own base logits, and then uses the other's. The exit code is 1 if a perplexity differs by more than 0.5 %, or
// a divergence by more than 5 %.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/script"
)

func main() {
	script.Main("check-peers-ppl", run)
}

// check is what to run, and on what.
type check struct {
	gosling, peer, text, base, candidate string
	context, chunks                      string
	work                                 string
}

// figures are a program's results for the candidate.
type figures struct{ ppl, basePPL, kld, rms, same float64 }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c check
	f := flag.NewFlagSet("check-peers-ppl", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.gosling, "gosling", "./gosling", "the `program` to compare")
	f.StringVar(&c.peer, "llama-perplexity", "", "llama.cpp's `program` to compare with (required)")
	f.StringVar(&c.text, "text", "", "the `file` to read (required)")
	f.StringVar(&c.context, "c", "512", "`tokens` of a chunk")
	f.StringVar(&c.chunks, "chunks", "4", "how `many` chunks to read")
	if err := f.Parse(args); err != nil {
		return err
	}
	if c.peer == "" || c.text == "" || f.NArg() != 2 {
		return errors.New("want --llama-perplexity PATH, --text FILE, a base and a candidate")
	}
	c.base, c.candidate = f.Arg(0), f.Arg(1)
	var err error
	if c.work, err = os.MkdirTemp("", "check-peers-ppl-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.work)
	ours, theirs := filepath.Join(c.work, "ours"), filepath.Join(c.work, "theirs")
	a, err := c.askGosling(ctx, ours, stderr)
	if err != nil {
		return err
	}
	if _, err := output(ctx, io.Discard, c.peer, "-m", c.base, "-f", c.text, "-c", c.context, "--chunks", c.chunks, "--save-all-logits", theirs); err != nil {
		return err
	}
	b, err := c.askPeer(ctx, theirs)
	if err != nil {
		return err
	}
	err = report(stdout, "each with its own base logits", a, b)
	if a, e := c.askGosling(ctx, theirs, stderr); e != nil {
		err = errors.Join(err, e)
	} else {
		err = errors.Join(err, report(stdout, "gosling with llama-perplexity's base logits", a, b))
	}
	if b, e := c.askPeer(ctx, ours); e != nil {
		err = errors.Join(err, e)
	} else {
		err = errors.Join(err, report(stdout, "llama-perplexity with gosling's base logits", a, b))
	}
	return err
}

func output(ctx context.Context, stderr io.Writer, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", cmd, err)
	}
	return out, err
}

func (c check) askGosling(ctx context.Context, logits string, stderr io.Writer) (figures, error) {
	out, err := output(ctx, stderr, c.gosling, "compare", c.base, c.candidate, "--text", c.text, "--context", c.context, "--chunks", c.chunks,
		"--base-logits", logits, "--no-speed", "--json", "--work", c.work)
	if err != nil {
		return figures{}, err
	}
	var r eval.Comparison
	if err := json.Unmarshal(out, &r); err != nil {
		return figures{}, err
	}
	d := r.Candidates[0].Divergence[0]
	return figures{d.PPL.Value, d.BasePPL.Value, d.KLD.Value, 100 * d.DeltaRMS.Value, 100 * d.SameTop.Value}, nil
}

var number = map[string]*regexp.Regexp{
	"ppl":  regexp.MustCompile(`Mean PPL\(Q\) +: +([\d.]+)`),
	"base": regexp.MustCompile(`Mean PPL\(base\) +: +([\d.]+)`),
	"kld":  regexp.MustCompile(`Mean +KLD: +([-\d.]+)`),
	"rms":  regexp.MustCompile(`RMS Δp +: +([\d.]+)`),
	"same": regexp.MustCompile(`Same top p: +([\d.]+)`),
}

func (c check) askPeer(ctx context.Context, logits string) (figures, error) {
	out, err := output(ctx, nil, c.peer, "-m", c.candidate, "-c", c.context, "--kl-divergence", "--kl-divergence-base", logits)
	if err != nil {
		return figures{}, err
	}
	found := map[string]float64{}
	for name, pattern := range number {
		m := pattern.FindSubmatch(out)
		if m == nil {
			return figures{}, fmt.Errorf("%s printed nothing like %q: there are too few positions, or it is another version", c.peer, pattern)
		}
		if found[name], err = strconv.ParseFloat(string(m[1]), 64); err != nil {
			return figures{}, err
		}
	}
	return figures{found["ppl"], found["base"], found["kld"], found["rms"], found["same"]}, nil
}

// report prints both results and returns an error if they differ too much.
func report(w io.Writer, title string, a, b figures) error {
	_, err := fmt.Fprintf(w, "%s\n  %-12s %14s %14s\n  %-12s %14.4f %14.4f\n  %-12s %14.4f %14.4f\n  %-12s %14.6f %14.6f\n  %-12s %14.3f %14.3f\n  %-12s %14.3f %14.3f\n", title,
		"", "gosling", "llama.cpp", "PPL", a.ppl, b.ppl, "base PPL", a.basePPL, b.basePPL, "KLD", a.kld, b.kld, "RMS Δp %", a.rms, b.rms, "same top %", a.same, b.same)
	for _, pair := range []struct{ a, b, most float64 }{{a.ppl, b.ppl, 0.005}, {a.basePPL, b.basePPL, 0.005}, {a.kld, b.kld, 0.05}} {
		if math.Abs(pair.a-pair.b) > pair.most*math.Abs(pair.b) {
			err = errors.Join(err, fmt.Errorf("%s: %g is too far from %g", title, pair.a, pair.b))
		}
	}
	return err
}
