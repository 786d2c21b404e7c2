// Command fuzz runs every fuzz target of the module, one after another, for a given time each:
//
//	go run ./scripts/fuzz -time 1m
//	go run ./scripts/fuzz -time 10m -only FuzzPickle ./checkpoint/pth
//
// It finds the targets in the packages' test files, so a new target needs no registration. It prints one line per target and continues
// after a failure. The exit code is 1 if any target failed. Inputs that reached new code are kept in the folder of -dir, and the next run
// starts with them. A failing input is written to the package's testdata/fuzz, where ordinary tests run it from then on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

// options are the command's flags.
type options struct {
	time    time.Duration  // for each target
	dir     string         // keeps the corpus and the test binaries
	only    *regexp.Regexp // matches the targets' names
	workers int            // parallel fuzzing processes
}

func main() {
	var o options
	flag.DurationVar(&o.time, "time", time.Minute, "how long each target runs")
	flag.StringVar(&o.dir, "dir", filepath.Join("build", "fuzz"), "folder that keeps the corpus and the test binaries")
	only := flag.String("only", "", "run the targets whose names match this regular expression")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "number of parallel fuzzing processes")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, os.Stdout, o, patterns)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// run fuzzes the packages' targets. If one fails, it runs the others and then returns an error.
func run(ctx context.Context, out io.Writer, o options, patterns []string) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	o.dir = dir
	packages, err := list(ctx, patterns)
	if err != nil {
		return err
	}
	began := time.Now()
	targets, failed := 0, 0
	for b := range buildAll(ctx, packages, o) {
		for _, name := range b.targets {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			targets++
			r := result{err: b.err}
			if b.err == nil {
				r = b.fuzz(ctx, b.binary, name, o)
			}
			if r.err != nil {
				failed++
			}
			r.print(out, b.short+" "+name)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Fprintf(out, "%d targets, %d failed, %s\n", targets, failed, time.Since(began).Round(time.Second))
	switch {
	case targets == 0:
		return errors.New("no fuzz target matches")
	case failed > 0:
		return fmt.Errorf("%d of %d targets failed", failed, targets)
	}
	return nil
}
