// Bench-serve compares "gosling serve" with llama.cpp's llama-server on the same model:
//
//	go run ./scripts/bench-serve --llama-server PATH [--bar throughput|interactive|turns] [flags] MODEL.gguf
//
// The two servers run in turns and are asked the same requests in OpenAI's form. Each number is the median of the rounds, each gain the
// median of the rounds' ratios with its range; a gain above 1 means that Gosling is better. The exit code is 1 if a bar is missed:
//
//	throughput   1, 4, 8 and 16 clients that want 64 tokens each: at least as many tokens per second with 1 client, 1.1 times as many
//	             with the others; with 8, at least 0.9 of what "gosling bench --parallel 8" generates in the time of reading and generating
//	interactive  while a long prompt is read, the first token of a short prompt takes at most twice its time alone and the latency, and
//	             a running stream pauses for at most the latency and two steps; both below llama-server's
//	turns        the second turn of a chat reads its new tokens only, also if the client drops the thoughts; and 64 conversations share
//	             8 slots
//
// Without -bar it measures all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/script"
)

func main() {
	script.Main("bench-serve", run)
}

// options are the flags and the argument.
type options struct {
	gosling, peer         string
	goslingArgs, peerArgs string
	bar                   string // empty for all
	threads, rounds, long int
	clients               []int
	latency, pause        time.Duration
	output                string
	model                 string
}

// errMissed reports that a bar was missed. The report says which.
var errMissed = errors.New("a bar was missed")

// run parses args, runs the servers and prints the report to stdout. Progress and what the servers print go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ours, theirs, err := compare(ctx, o, stderr)
	if err != nil {
		return err
	}
	r, err := newReport(o, ours, theirs)
	if err != nil {
		return err
	}
	print := r.printMarkdown
	if o.output == "json" {
		print = r.printJSON
	}
	if err := print(stdout); err != nil {
		return err
	}
	if r.missed() {
		return errMissed
	}
	return nil
}

// bars are the names that -bar takes.
var bars = []string{"throughput", "interactive", "turns"}

// parse parses flags and the model in any order.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench-serve", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.gosling, "gosling", "./gosling", "the `program` to compare")
	f.StringVar(&o.peer, "llama-server", "", "llama.cpp's `program` to compare with")
	f.StringVar(&o.goslingArgs, "gosling-args", "", "more `flags` for gosling serve, separated by spaces")
	f.StringVar(&o.peerArgs, "llama-args", "", "more `flags` for llama-server, separated by spaces")
	f.StringVar(&o.bar, "bar", "", "measure this `bar` only: throughput, interactive or turns")
	f.IntVar(&o.threads, "t", 2, "`threads`")
	f.IntVar(&o.rounds, "rounds", 5, "`runs` of each server")
	f.IntVar(&o.long, "long", 3900, "`tokens` of the long prompt; llama-server has 4,096 for each slot")
	clients := f.String("clients", "1,4,8,16", "`numbers` of clients of the bar throughput")
	f.DurationVar(&o.latency, "latency", 200*time.Millisecond, "the latency that gosling serve aims at")
	f.DurationVar(&o.pause, "pause", time.Second, "the `time` between the two turns of a chat")
	f.StringVar(&o.output, "o", "md", "output `format`: md or json")
	var models []string
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		models = append(models, f.Arg(0))
		args = f.Args()[1:]
	}
	for word := range strings.SplitSeq(*clients, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > slots {
			return o, fmt.Errorf("-clients %q: want numbers from 1 to %d, separated by commas", *clients, slots)
		}
		o.clients = append(o.clients, n)
	}
	switch {
	case len(models) != 1:
		return o, fmt.Errorf("%d models: name one GGUF file", len(models))
	case o.peer == "":
		return o, errors.New("no peer: name it with --llama-server PATH")
	case o.bar != "" && !slices.Contains(bars, o.bar):
		return o, fmt.Errorf("-bar %q: want %s", o.bar, strings.Join(bars, ", "))
	case o.threads < 1 || o.rounds < 1 || o.long < 100 || o.latency <= 0 || o.pause < 0:
		return o, errors.New("want -t and -rounds of at least 1, -long of at least 100 and a positive -latency")
	case o.output != "md" && o.output != "json":
		return o, fmt.Errorf("-o %q: want md or json", o.output)
	}
	o.model = models[0]
	return o, nil
}

// wants reports whether a bar is to be measured.
func (o options) wants(bar string) bool { return o.bar == "" || o.bar == bar }
