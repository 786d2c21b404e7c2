// Loadserve puts load on "gosling serve" and checks every answer. It starts the server itself, on this machine, or asks a running one:
//
//	go run ./scripts/loadserve [-clients 1,4,16,64] [-duration 20s]   # a mixture of requests from more and more clients
//	go run ./scripts/loadserve -exact -requests 64                    # the same bytes alone, beside others, from the cache, in 1 and 8 slots
//	go run ./scripts/loadserve -fair -duration 10m                    # 64 conversations of 4 tenants on 8 slots
//	go run ./scripts/loadserve -faults -duration 10m                  # broken, slow and vanishing clients beside normal ones
//	go run ./scripts/loadserve -soak 30m                              # nothing grows
//	go run ./scripts/loadserve -url http://127.0.0.1:8080 -pid PID    # a running server; also with -faults and -soak
//
// Each request has a seed. Its text must be what the server answered when it was asked alone. A server that it starts runs with
// --deterministic, so that the company of a request cannot change its text; a running server should, too.
//
// The report has the times to the first piece of text, between pieces, and of whole answers, in milliseconds, and what the server's
// process used before and after. The exit code is 1 if anything failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/script"
)

func main() {
	script.Main("loadserve", run)
}

// options are the flags.
type options struct {
	gosling, goslingArgs, model string
	url, key                    string
	pid                         int
	clients                     []int
	requests                    int
	duration                    time.Duration
	long                        int // tokens of a long prompt
	exact, fair, faults         bool
	soak                        time.Duration
	output                      string
}

// run parses args, puts the load on the server and prints the report.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var r report
	switch {
	case o.exact:
		r, err = exact(ctx, o, stderr)
	case o.fair:
		r, err = fair(ctx, o, stderr)
	case o.faults:
		r, err = faults(ctx, o, stderr)
	case o.soak > 0:
		r, err = soak(ctx, o, stderr)
	default:
		r, err = load(ctx, o, stderr)
	}
	if err != nil {
		return err
	}
	if err := r.print(stdout, o.output); err != nil {
		return err
	}
	if n := r.failed(); n > 0 {
		return fmt.Errorf("%d checks failed", n)
	}
	return nil
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("loadserve", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.gosling, "gosling", "./gosling", "the `program` whose server is started")
	f.StringVar(&o.goslingArgs, "gosling-args", "", "more `flags` for gosling serve, separated by spaces")
	f.StringVar(&o.model, "model", "demo", "the `model` that is served")
	f.StringVar(&o.url, "url", "", "ask the server at this `address` of this machine instead of starting one")
	f.StringVar(&o.key, "key", "", "the API `key` of that server")
	f.IntVar(&o.pid, "pid", 0, "the `number` of that server's process, to see what it uses")
	clients := f.String("clients", "1,4,16,64", "`numbers` of clients")
	f.IntVar(&o.requests, "requests", 0, "`requests` of each number of clients; 0 means as many as -duration allows")
	f.DurationVar(&o.duration, "duration", 20*time.Second, "the `time` for each number of clients, or for -fair and -faults")
	f.IntVar(&o.long, "long", 8000, "`tokens` of a long prompt")
	f.BoolVar(&o.exact, "exact", false, "check that answers do not depend on other requests, the cache or the slots")
	f.BoolVar(&o.fair, "fair", false, "check that conversations and tenants get equal shares")
	f.BoolVar(&o.faults, "faults", false, "add clients that misbehave")
	f.DurationVar(&o.soak, "soak", 0, "check that nothing grows in this `time`")
	f.StringVar(&o.output, "o", "md", "output `format`: md or json")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(*clients, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > 64 {
			return o, fmt.Errorf("-clients %q: want numbers from 1 to 64, separated by commas", *clients)
		}
		o.clients = append(o.clients, n)
	}
	modes := 0
	for _, on := range []bool{o.exact, o.fair, o.faults, o.soak != 0} {
		if on {
			modes++
		}
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q: unknown argument", f.Arg(0))
	case modes > 1:
		return o, errors.New("choose one of -exact, -fair, -faults and -soak")
	case o.url != "" && (o.exact || o.fair):
		return o, errors.New("-exact and -fair start servers of their own: omit -url")
	case o.duration <= 0 || o.duration > 24*time.Hour || o.soak < 0 || o.soak > 24*time.Hour:
		return o, errors.New("want a -duration and -soak of at most 24h")
	case o.requests < 0 || o.requests > 1e6 || o.long < 100 || o.long > 1e6:
		return o, errors.New("want up to a million -requests, and 100 to a million tokens for -long")
	case o.output != "md" && o.output != "json":
		return o, fmt.Errorf("-o %q: want md or json", o.output)
	}
	return o, o.near()
}

// near returns an error if the server is on another machine.
func (o options) near() error {
	if o.url == "" {
		return nil
	}
	at, err := url.Parse(o.url)
	if err != nil {
		return err
	}
	if host := at.Hostname(); at.Scheme != "http" || (host != "127.0.0.1" && host != "localhost" && host != "::1") {
		return fmt.Errorf("-url %q: want http:// and an address of this machine", o.url)
	}
	return nil
}
