// Compat runs llama.cpp's own tests of its server, unmodified, on "gosling serve":
//
//	make compat LLAMA_TESTS=DIR
//
// DIR is tools/server/tests of llama.cpp's sources. The tests start scripts/compat/llama-server instead of llama-server. Their models
// are never downloaded: whatever they name, they get the model demo. Tests marked as slow are left out, since they want large models.
//
// expected.txt lists the tests that must pass; many others need a certain model or features that Gosling does not have. The exit code
// is 1 if a listed test does not pass. Tests that pass without being listed are reported. -update writes the list again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gosling-rwkv/gosling/internal/served"
)

func main() {
	var o options
	flag.StringVar(&o.tests, "tests", "", "the `folder` tools/server/tests of llama.cpp's sources")
	flag.StringVar(&o.python, "python", "", "the `program` python that has the tests' requirements and pytest-timeout")
	flag.StringVar(&o.server, "server", "", "the `program` built from scripts/compat/llama-server")
	flag.StringVar(&o.gosling, "gosling", "./gosling", "the `program` to test")
	flag.StringVar(&o.list, "list", "scripts/compat/expected.txt", "the `file` that lists what must pass")
	flag.StringVar(&o.only, "only", "", "run only tests that match this `expression` of pytest's -k")
	flag.StringVar(&o.log, "log", "", "also write what pytest prints to this `file`")
	flag.BoolVar(&o.update, "update", false, "write the list again")
	flag.DurationVar(&o.each, "timeout", 40*time.Second, "the `time` that a test has")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	tests, python, server, gosling, list, only, log string

	update bool
	each   time.Duration
}

// run runs the tests, prints the comparison with the list, and returns an error if a listed test did not pass.
func run(ctx context.Context, o options, stdout io.Writer) error {
	if o.tests == "" || o.python == "" || o.server == "" {
		return errors.New("want -tests, -python and -server: use make compat LLAMA_TESTS=DIR")
	}
	if _, err := os.Stat(filepath.Join(o.tests, "unit", "test_basic.py")); err != nil {
		return fmt.Errorf("%s does not hold llama.cpp's server tests: %w", o.tests, err)
	}
	text, err := os.ReadFile(o.list)
	if err != nil {
		return err
	}
	results, err := o.pytest(ctx, stdout)
	if err != nil {
		return err
	}
	c := compare(parseList(string(text)), results)
	if o.only != "" {
		c.absent = nil // they may not match
	}
	c.print(stdout)
	if o.update {
		return os.WriteFile(o.list, formatList(results), 0o644)
	}
	if bad := len(c.broken) + len(c.absent); bad > 0 {
		return fmt.Errorf("%d listed tests did not pass", bad)
	}
	return nil
}

// pytest runs the tests and returns their results.
func (o options) pytest(ctx context.Context, stdout io.Writer) ([]result, error) {
	dir, err := os.MkdirTemp("", "compat-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, path := range []*string{&o.python, &o.server, &o.gosling} {
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, err
		}
	}
	port, err := served.FreePort()
	if err != nil {
		return nil, err
	}
	report := filepath.Join(dir, "report.xml")
	args := []string{"-m", "pytest", "unit", "-q", "--tb=short", "-m", "not slow", "-p", "no:cacheprovider", "--timeout", strconv.Itoa(int(o.each.Seconds())),
		"--basetemp", filepath.Join(dir, "tmp"), "--junitxml", report}
	if o.only != "" {
		args = append(args, "-k", o.only)
	}
	cmd := exec.CommandContext(ctx, o.python, args...)
	cmd.Dir = o.tests
	// Nothing may be downloaded: a proxy that does not answer keeps the tests from other machines.
	cmd.Env = append(os.Environ(), "LLAMA_SERVER_BIN_PATH="+o.server, "GOSLING="+o.gosling, "LLAMA_CACHE="+dir, "PYTHONDONTWRITEBYTECODE=1", fmt.Sprint("PORT=", port),
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "http_proxy=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9",
		"NO_PROXY=127.0.0.1,localhost,::1", "no_proxy=127.0.0.1,localhost,::1", "HF_HUB_OFFLINE=1")
	cmd.Stdout, cmd.Stderr = stdout, stdout
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // pytest then stops its servers
	cmd.WaitDelay = 20 * time.Second
	if o.log != "" {
		log, err := os.Create(o.log)
		if err != nil {
			return nil, err
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
	}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1 && ctx.Err() == nil) {
		return nil, fmt.Errorf("%s: %w", cmd, err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return nil, err
	}
	return parseReport(text)
}
