// Bench-peers compares "gosling bench" with a llama-bench or a llama-batched-bench on the same models. The two programs run in turns, so
// that other load on the machine affects both. The result is the median of the ratios of neighboring runs.
//
//	go run ./scripts/bench-peers --llama-bench PATH [flags] MODEL...
//	go run ./scripts/bench-peers --llama-batched-bench PATH -npl 1,2,4,8,16 [flags] MODEL...
//
// The second form compares sequences side by side. Each program measures every test once in each round.
//
// With -busy N, N other processes keep processors busy meanwhile.
//
// For each model and test it prints the mean speed of both, the ratio (above 1: Gosling is faster) and the peak of resident memory,
// including mapped weights.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/script"
)

func main() {
	for len(os.Args) == 2 && os.Args[1] == busyLoop {
	}
	script.Main("bench-peers", run)
}

// options are the flags and arguments.
type options struct {
	gosling, peer         string
	batched               string // llama-batched-bench
	parallel              []int  // numbers of sequences, for batched
	goslingArgs, peerArgs string
	threads, prompt, gen  int
	repetitions, rounds   int
	busy                  int // processes that keep processors busy
	output                string
	models                []string
}

// run parses args, runs the programs and prints the result to stdout. The programs' diagnostics go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	stop, err := keepBusy(ctx, o.busy)
	if err != nil {
		return err
	}
	defer stop()
	gosling, peer := o.alone()
	if o.batched != "" {
		gosling, peer = o.sideBySide()
	}
	var rows []row
	for _, model := range o.models {
		r, err := compare(ctx, gosling, peer, model, o.rounds, stderr)
		if err != nil {
			return err
		}
		rows = append(rows, r...)
	}
	if o.output == "json" {
		return printJSON(stdout, rows)
	}
	return printMarkdown(stdout, peer.name, rows)
}

// alone returns the programs that measure one sequence.
func (o options) alone() (gosling, peer program) {
	shared := []string{"-p", strconv.Itoa(o.prompt), "-n", strconv.Itoa(o.gen), "-r", strconv.Itoa(o.repetitions),
		"-t", strconv.Itoa(o.threads), "-o", "json"}
	gosling = program{name: "gosling", path: o.gosling, parse: parseAlone, args: func(model string) []string {
		return slices.Concat([]string{"bench"}, strings.Fields(o.goslingArgs), shared, []string{model})
	}}
	peer = program{name: "llama-bench", path: o.peer, parse: parseAlone, args: func(model string) []string {
		return slices.Concat([]string{"-m", model}, strings.Fields(o.peerArgs), shared)
	}}
	return gosling, peer
}

// sideBySide returns the programs that measure sequences side by side. llama-batched-bench skips tests that its context does not hold.
func (o options) sideBySide() (gosling, peer program) {
	prompt, gen, threads := strconv.Itoa(o.prompt), strconv.Itoa(o.gen), strconv.Itoa(o.threads)
	numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint(o.parallel), " ", ","), "[]")
	context := strconv.Itoa(slices.Max(o.parallel) * (o.prompt + o.gen))
	gosling = program{name: "gosling", path: o.gosling, parse: parseSideBySide, args: func(model string) []string {
		return slices.Concat([]string{"bench"}, strings.Fields(o.goslingArgs),
			[]string{"--parallel", numbers, "-p", prompt, "-n", gen, "-r", "1", "-t", threads, "-o", "json", model})
	}}
	peer = program{name: "llama-batched-bench", path: o.batched, parse: parseSideBySide, args: func(model string) []string {
		return slices.Concat([]string{"-m", model}, strings.Fields(o.peerArgs),
			[]string{"-npl", numbers, "-npp", prompt, "-ntg", gen, "-c", context, "-t", threads, "--output-format", "jsonl"})
	}}
	return gosling, peer
}

// parse parses flags and models in any order.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench-peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.gosling, "gosling", "./gosling", "the `program` to compare")
	f.StringVar(&o.peer, "llama-bench", "", "llama.cpp's `program` to compare with")
	f.StringVar(&o.batched, "llama-batched-bench", "", "llama.cpp's `program` to compare sequences side by side with")
	parallel := f.String("npl", "1,2,4,8,16", "`numbers` of sequences for llama-batched-bench")
	f.StringVar(&o.goslingArgs, "gosling-args", "", "more `flags` for gosling bench, separated by spaces")
	f.StringVar(&o.peerArgs, "llama-args", "", "more `flags` for llama.cpp's program, separated by spaces")
	f.IntVar(&o.threads, "t", 2, "`threads`")
	f.IntVar(&o.prompt, "p", 512, "`tokens` of the prefill test")
	f.IntVar(&o.gen, "n", 128, "`tokens` of the decoding test")
	f.IntVar(&o.repetitions, "r", 5, "`repetitions` of a test within a run; one with llama-batched-bench")
	f.IntVar(&o.rounds, "rounds", 3, "`runs` of each program on each model")
	f.IntVar(&o.busy, "busy", 0, "`processes` that keep processors busy meanwhile")
	f.StringVar(&o.output, "o", "md", "output `format`: md or json")
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		o.models = append(o.models, f.Arg(0))
		args = f.Args()[1:]
	}
	for word := range strings.SplitSeq(*parallel, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-npl %q: want numbers from 1, separated by commas", *parallel)
		}
		o.parallel = append(o.parallel, n)
	}
	switch {
	case (o.peer == "") == (o.batched == ""):
		return o, errors.New("want one peer: name it with --llama-bench PATH or --llama-batched-bench PATH")
	case len(o.models) == 0:
		return o, errors.New("no model: name one or more GGUF files")
	case o.rounds < 1 || o.repetitions < 1 || o.threads < 1:
		return o, errors.New("--rounds, -r and -t: want 1 or more")
	case o.busy < 0 || o.busy > 1000:
		return o, errors.New("-busy: want 0 to 1000")
	case o.output != "md" && o.output != "json":
		return o, fmt.Errorf("-o %q: want md or json", o.output)
	}
	return o, nil
}
