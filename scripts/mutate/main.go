// Command mutate damages files of every kind that the program reads, and runs the program on them. It reports every outcome
// that is neither a result nor an error message: a signal, a panic, an abort, a run that does not end, too much memory, or too much output.
//
//	go run ./scripts/mutate -n 10000 ./gosling
//	go run ./scripts/mutate -only state -seed 7 ./gosling
//
// Mutation i of a seed is the same everywhere, so "-first i -n 1" tries it again. Failing files are kept in the folder of -dir. The exit
// code is 1 if anything failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// options are the command's flags.
type options struct {
	program string
	n       int           // number of mutations
	first   int           // number of the first mutation
	seed    uint64        // of all mutations
	time    time.Duration // no mutation starts after this time
	dir     string        // for the files that failed
	only    *regexp.Regexp
	workers int
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 10000, "number of mutations to try")
	flag.IntVar(&o.first, "first", 0, "number of the first mutation")
	flag.Uint64Var(&o.seed, "seed", 1, "random seed of the mutations")
	flag.DurationVar(&o.time, "time", 30*time.Minute, "start no mutations after this time")
	flag.StringVar(&o.dir, "dir", filepath.Join("build", "mutate"), "folder for the files that failed")
	only := flag.String("only", "", "mutate the kinds of files whose names match this regular expression")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "number of parallel programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch o.only, err = regexp.Compile(*only); {
	case err != nil:
	case flag.NArg() != 1:
		err = errors.New("name the program to try, such as ./gosling")
	default:
		if o.program, err = filepath.Abs(flag.Arg(0)); err == nil {
			err = run(ctx, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// tryWhole runs every command on undamaged files. They must succeed, because otherwise nothing after the first check of a file
// would be tested.
func tryWhole(ctx context.Context, o options, kinds []kind, dir string) error {
	for _, k := range kinds {
		for _, command := range k.commands {
			t := trial{o.program, k, k.files[k.target], command, 0}
			if r := t.run(ctx, dir); r.fault != "" || r.refused {
				return fmt.Errorf("%s, undamaged: gosling %s: %s\n%s", k.name, strings.Join(command, " "), r.fault, r.output)
			}
		}
	}
	return nil
}

// run tries the mutations and returns an error if one failed.
func run(ctx context.Context, o options) error {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	all, err := makeKinds(ctx, o.program, filepath.Join(work, "seeds"))
	if err != nil {
		return fmt.Errorf("making files to damage: %w", err)
	}
	var kinds []kind
	for _, k := range all {
		if o.only.MatchString(k.name) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return errors.New("no kind of file matches")
	}
	if err := tryWhole(ctx, o, kinds, filepath.Join(work, "whole")); err != nil {
		return err
	}
	began := time.Now()
	numbers := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	tried, failed, slowest, most := 0, 0, 0, result{}
	for worker := range o.workers {
		wg.Go(func() {
			dir := filepath.Join(work, fmt.Sprint("worker-", worker))
			for i := range numbers {
				t := newTrial(o, kinds, i)
				r := t.run(ctx, dir)
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				tried++
				if r.took > most.took {
					most.took, slowest = r.took, i
				}
				most.memory = max(most.memory, r.memory)
				if r.fault != "" {
					failed++
					fmt.Printf("%d %s: %s\n  %s\n", i, t.kind.name, r.fault, t.keep(o.dir, r))
				}
				mu.Unlock()
			}
		})
	}
	for i := o.first; i < o.first+o.n && ctx.Err() == nil && time.Since(began) < o.time; i++ {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Printf("%d mutations of %d kinds of files in %s: %d failed; at most %.1f s (mutation %d) and %d MiB\n",
		tried, len(kinds), time.Since(began).Round(time.Second), failed, most.took.Seconds(), slowest, most.memory>>20)
	if failed > 0 {
		return fmt.Errorf("%d failed", failed)
	}
	return nil
}
