// Clients starts "gosling serve demo", lets the tests of the module internal/clients ask it with the clients that people use, and counts
// what passed:
//
//	make clients
//
// The exit code is 1 if a test failed. -folder names the folder in which make has installed clients of other languages; without it only
// those for Go are tested. -run selects tests as "go test" does.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/gosling-rwkv/gosling/internal/served"
)

func main() {
	gosling := flag.String("gosling", "./gosling", "the `program` to test")
	folder := flag.String("folder", "", "the `folder` with clients of other languages")
	pattern := flag.String("run", "", "run only tests that match this `pattern`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *gosling, *folder, *pattern, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, gosling, folder, pattern string, stdout io.Writer) (err error) {
	var log served.Tail
	server, err := served.Start(ctx, &log, gosling, "serve", "demo", "--n-predict", "2000") // some tests set no limit
	if err != nil {
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if folder != "" {
		if folder, err = filepath.Abs(folder); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "-C", "internal/clients", "test", "-count=1", "-timeout", "10m", "-v", "-run", pattern, "./...")
	cmd.Env = append(os.Environ(), "GOSLING_URL="+server.URL, "CLIENTS="+folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	var c counts
	err = c.read(io.TeeReader(out, stdout))
	err = errors.Join(err, cmd.Wait())
	c.print(stdout)
	if err == nil && len(c.tests["PASS"]) == 0 {
		err = errors.New("no test ran")
	}
	return err
}

// counts is what the tests said.
type counts struct {
	tests    map[string][]string // names of tests by PASS, FAIL and SKIP
	outsides []string            // numbers of tests in other languages
}

var (
	ended   = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+)`)
	outside = regexp.MustCompile(`counted: (.*)`)
)

// read takes the output of go test -v.
func (c *counts) read(output io.Reader) error {
	c.tests = map[string][]string{}
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if m := ended.FindStringSubmatch(line); m != nil {
			c.tests[m[1]] = append(c.tests[m[1]], m[2])
		}
		if m := outside.FindStringSubmatch(line); m != nil {
			c.outsides = append(c.outsides, m[1])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *counts) print(w io.Writer) {
	for _, numbers := range c.outsides {
		fmt.Fprintln(w, numbers)
	}
	for _, kind := range slices.Sorted(maps.Keys(c.tests)) {
		fmt.Fprintf(w, "%s: %d tests: %s\n", kind, len(c.tests[kind]), strings.Join(c.tests[kind], " "))
	}
}
