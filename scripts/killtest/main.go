// Command killtest kills the program again and again while it pulls models, and checks what is left: the store must open, every model
// in it must be whole, and the next pull must end with the right bytes. The hub is a server in this process.
//
// With -states it kills a writer of named states instead, which is a process of its own: the folder must open, and have what the writer had
// reported.
//
//	go run ./scripts/killtest [-rounds 200] [-seed 1] PROGRAM
//	go run ./scripts/killtest [-rounds 200] [-seed 1] -states
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/models"
)

func main() {
	kills := flag.Int("rounds", 200, "how often to kill the program")
	seed := flag.Uint64("seed", 1, "of the times at which it is killed")
	named := flag.Bool("states", false, "kill a writer of named states")
	write := flag.String("write", "", "write states to this folder, as -states makes others do")
	first := flag.Int("first", 1, "the number of the first of these states")
	flag.Parse()
	var err error
	switch {
	case *write != "":
		err = writeStates(*write, *seed, *first, os.Stdout)
	case *named == (flag.NArg() == 0) && flag.NArg() < 2:
		err = kill(flag.Arg(0), *kills, *seed)
	default:
		fmt.Fprintln(os.Stderr, "usage: killtest [-rounds N] [-seed N] PROGRAM | -states")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "killtest:", err)
		os.Exit(1)
	}
}

// kill kills a program that pulls models, or this one while it writes states if program is empty.
func kill(program string, kills int, seed uint64) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return runStates(ctx, self, kills, seed, os.Stdout)
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	return run(ctx, program, kills, seed, os.Stdout)
}

// names are what is pulled in turn: a checkpoint that is converted, one that is kept, and a GGUF file in parts.
var names = [][]string{{"rwkv7-g1-0.1b"}, {"rwkv7-g1-0.4b", "--keep"}, {"hf.co/goose/parts"}}

// often is how many kills come between two times that all is pulled to its end.
const often = 10

// test is a run of the test.
type test struct {
	program string
	dir     string
	hub     *fakehub.Hub
	store   models.Store
	sums    map[string]string // the SHA-256 of each file that a pull made the first time
	output  interface{ Write([]byte) (int, error) }
}

func run(ctx context.Context, program string, kills int, seed uint64, output interface{ Write([]byte) (int, error) }) error {
	dir, err := os.MkdirTemp("", "killtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	t := &test{program: program, dir: dir, hub: fakehub.New(), store: models.Store{Dir: filepath.Join(dir, "store")}, sums: map[string]string{}, output: output}
	defer t.hub.Close()
	if err := t.fill(); err != nil {
		return err
	}
	longest, err := t.learn(ctx)
	if err != nil {
		return err
	}
	t.hub.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 32 << 10})
	random, pulls := rand.New(rand.NewPCG(seed, 0)), 0
	for killed := 0; killed < kills; pulls++ {
		name := names[pulls%len(names)]
		after := time.Duration(random.Int64N(int64(longest)))
		dead, err := t.pull(ctx, after, name...)
		if err == nil {
			err = t.check()
		}
		if err != nil {
			return fmt.Errorf("pull %d, %s killed after %s: %w", pulls, name[0], after, err)
		}
		if pulls > 20*kills {
			return fmt.Errorf("only %d of %d pulls could be killed: they are too short for this machine", killed, pulls)
		}
		if !dead { // so that the next pull has something to do
			if _, err := t.store.Remove(ctx, name[0]); err != nil {
				return err
			}
			continue
		}
		if killed++; killed%often == 0 || killed == kills {
			if err := t.finish(ctx); err != nil {
				return fmt.Errorf("after %d kills: %w", killed, err)
			}
		}
	}
	fmt.Fprintf(output, "killed %d of %d pulls: the store always opened, and every pull that was not killed ended with the right bytes\n", kills, pulls)
	return nil
}

// fill puts models on the hub.
func (t *test) fill() error {
	config := synth.Config{Layers: 4, Embed: 256, Vocab: 8192}
	for i, file := range []string{"rwkv7-g1d-0.1b-20260129-ctx8192.pth", "rwkv7-g1d-0.4b-20260210-ctx8192.pth"} {
		var b bytes.Buffer
		config.Seed = uint64(i + 1)
		if err := synth.Write(&b, config); err != nil {
			return err
		}
		t.hub.Add("BlinkDL/rwkv7-g1", map[string][]byte{file: b.Bytes()})
	}
	return nil
}

// learn pulls and converts without a kill. It returns how long the longest pull took, and puts a GGUF file in parts on the hub.
func (t *test) learn(ctx context.Context) (time.Duration, error) {
	t.hub.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 32 << 10})
	begin := time.Now()
	if _, err := t.pull(ctx, time.Hour, names[0]...); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	e, err := t.store.Find(names[0][0])
	if err != nil {
		return 0, err
	}
	whole := filepath.Join(t.dir, "whole-F16.gguf")
	data, err := os.ReadFile(e.Path)
	if err == nil {
		err = os.WriteFile(whole, data, 0o600)
	}
	if err != nil {
		return 0, err
	}
	parts, err := synth.Split(whole, 3)
	if err != nil {
		return 0, err
	}
	for _, path := range parts {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		t.hub.Add("goose/parts", map[string][]byte{filepath.Base(path): data})
	}
	return took, t.finish(ctx)
}

// pull runs a pull and kills it after a time. It reports whether the pull was killed. The error is that of a pull that failed by
// itself.
func (t *test) pull(ctx context.Context, after time.Duration, args ...string) (killed bool, err error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, t.program, append([]string{"pull", "--type", "F16"}, args...)...)
	cmd.Env = append(os.Environ(), "HF_ENDPOINT="+t.hub.URL, "HF_HOME="+filepath.Join(t.dir, "hf"), "HF_HUB_CACHE=", "HF_TOKEN=", "GOSLING_MODELS="+t.store.Dir)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return false, err
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	if !timer.Stop() {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %s", err, said.String())
	}
	return false, ctx.Err()
}

// check opens the store and everything in it.
func (t *test) check() error {
	_, problems, err := t.store.Check()
	if err != nil {
		return err
	}
	for _, p := range problems {
		if !p.Left {
			return fmt.Errorf("%s: %s", p.Path, p.Text)
		}
	}
	all, err := t.store.List()
	if err != nil {
		return err
	}
	for _, e := range all {
		f, err := gguf.Open(e.Path)
		if err != nil {
			return err
		}
		paths := f.Paths()
		if err := f.Close(); err != nil {
			return err
		}
		for _, path := range paths {
			if err := t.same(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// same compares a file of the store with what the first pull made of it.
func (t *test) same(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, sum := filepath.Base(path), fakehub.SHA256(data)
	if t.sums[name] == "" {
		t.sums[name] = sum
	}
	if t.sums[name] != sum {
		return fmt.Errorf("%s has SHA-256 %s, and had %s after a pull that was not killed", name, sum, t.sums[name])
	}
	return nil
}

// finish pulls everything to its end, checks it, and that no part is left, and removes it.
func (t *test) finish(ctx context.Context) error {
	for _, name := range names {
		if _, err := t.pull(ctx, time.Hour, name...); err != nil {
			return err
		}
	}
	if err := t.check(); err != nil {
		return err
	}
	n, problems, err := t.store.Check()
	if err != nil || n != len(names) || len(problems) > 0 {
		return fmt.Errorf("%d models instead of %d, and %v: %w", n, len(names), problems, err)
	}
	var left []string
	err = filepath.WalkDir(filepath.Join(t.dir, "hf"), func(path string, e os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".incomplete") {
			left = append(left, path)
		}
		return err
	})
	if err != nil || len(left) > 0 {
		return fmt.Errorf("unfinished downloads are left: %q: %w", left, err)
	}
	for _, name := range names {
		if _, err := t.store.Remove(ctx, name[0]); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(t.dir, "hf"))
}
