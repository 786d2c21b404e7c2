// Command emulate runs the program and its packages' tests for another platform on this machine, under an emulator:
//
//	go run ./scripts/emulate [--short] linux/arm64|windows/amd64
//
// It needs Linux on x64 and Debian's packages: qemu for linux/arm64, Wine for windows/amd64. If a package is missing, the command
// names it and succeeds. It compares the emulated program's results with those of the program for this machine (job.go).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "emulate:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("emulate", flag.ContinueOnError)
	short := flags.Bool("short", false, "leave out what takes long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, ok := platforms[flags.Arg(0)]
	if flags.NArg() != 1 || !ok {
		return fmt.Errorf("want one platform, linux/arm64 or windows/amd64")
	}
	if missing := p.missing(); missing != "" {
		fmt.Fprintf(out, "%s: left out: %s\n", p, missing)
		return nil
	}
	e := &emulation{platform: p, short: *short, out: out}
	for _, phase := range []struct {
		what string
		do   func() error
	}{{"libraries and emulator", e.prepare}, {"build", e.build}, {"main job", e.mainJob}, {"tests", e.tests}} {
		begin := time.Now()
		if err := phase.do(); err != nil {
			return fmt.Errorf("%s: %s: %w", p, phase.what, err)
		}
		fmt.Fprintf(out, "%s: %s: %.0f s\n", p, phase.what, time.Since(begin).Seconds())
	}
	return nil
}

// emulation is one run of the command.
type emulation struct {
	platform
	short bool
	out   io.Writer
}
