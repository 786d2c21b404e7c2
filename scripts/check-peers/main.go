// Check-peers compares the logits of Gosling with those of llama.cpp on the same GGUF files, on the CPU:
//
//	go run ./scripts/check-peers --llama DIR [flags] MODEL...
//
// DIR is a source tree of llama.cpp with a build in it. A small C program is compiled against its library. Both programs read the same
// random tokens, in chunks of several lengths. For each model and length it prints the largest difference of two logits, as a fraction
// of the largest logit, and at how many positions both have the same most likely token. The exit code is 1 if a difference is above the
// tolerance.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/script"
)

//go:embed csrc/peer.c
var peerSource []byte

func main() {
	script.Main("check-peers", run)
}

// options are the flags and arguments.
type options struct {
	gosling, llama, build string
	compiler              string
	tokens, threads       int
	chunks                []int
	tolerance             float64
	models                []string
}

// checker holds what all comparisons share.
type checker struct {
	options
	dir, peer string // folder of scratch files, and the compiled program
	stderr    io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "check-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &checker{options: o, dir: dir, peer: filepath.Join(dir, "peer"), stderr: stderr}
	if err := c.compile(ctx); err != nil {
		return err
	}
	far := 0
	for _, model := range o.models {
		for _, chunk := range o.chunks {
			d, err := c.compare(ctx, model, chunk)
			if err != nil {
				return fmt.Errorf("%s: %w", model, err)
			}
			fmt.Fprintf(stdout, "%s, chunks of %d: %.2g, the same token at %d of %d\n", filepath.Base(model), chunk, d.largest, d.same, d.rows)
			if !(d.largest <= o.tolerance) { // NaN too
				far++
			}
		}
	}
	if far > 0 {
		return fmt.Errorf("%d comparisons differ by more than %g", far, o.tolerance)
	}
	return nil
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var chunks string
	f := flag.NewFlagSet("check-peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.gosling, "gosling", "./gosling", "the `program` to check")
	f.StringVar(&o.llama, "llama", "", "llama.cpp's source `folder` (required)")
	f.StringVar(&o.build, "build", "", "the `folder` of its libraries, by default build/bin in the source folder")
	f.StringVar(&o.compiler, "cc", "cc", "the C `compiler`")
	f.IntVar(&o.tokens, "n", 64, "`tokens` to read")
	f.IntVar(&o.threads, "t", 2, "`threads`")
	f.StringVar(&chunks, "chunks", "64,7,1", "`lengths` of the chunks to read them in")
	f.Float64Var(&o.tolerance, "tolerance", 2e-4, "the largest allowed `difference`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.models = f.Args()
	for _, s := range strings.Split(chunks, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("--chunks %s: want numbers of tokens", chunks)
		}
		o.chunks = append(o.chunks, n)
	}
	if o.build == "" {
		o.build = filepath.Join(o.llama, "build", "bin")
	}
	switch {
	case o.llama == "":
		return o, errors.New("no peer: name llama.cpp's folder with --llama")
	case len(o.models) == 0:
		return o, errors.New("no model: name one or more GGUF files")
	case o.tokens < 1 || o.tokens > 1<<16 || o.threads < 1:
		return o, errors.New("want -n from 1 to 65536, and -t 1 or more")
	}
	return o, nil
}

// compile compiles the peer's program.
func (c *checker) compile(ctx context.Context) error {
	source := filepath.Join(c.dir, "peer.c")
	if err := os.WriteFile(source, peerSource, 0o600); err != nil {
		return err
	}
	return c.exec(ctx, c.compiler, "-O1", "-I", filepath.Join(c.llama, "include"), "-I", filepath.Join(c.llama, "ggml", "include"),
		source, "-o", c.peer, "-L", c.build, "-Wl,-rpath,"+c.build, "-lllama", "-lggml", "-lggml-base")
}

// compare reads the same tokens with both programs and compares the logits.
func (c *checker) compare(ctx context.Context, model string, chunk int) (difference, error) {
	vocab, err := vocabOf(model)
	if err != nil {
		return difference{}, err
	}
	var ids []string
	for rng := rand.New(rand.NewPCG(1, uint64(vocab))); len(ids) < c.tokens; {
		ids = append(ids, strconv.Itoa(rng.IntN(vocab)))
	}
	tokens, ours, theirs := filepath.Join(c.dir, "tokens"), filepath.Join(c.dir, "ours"), filepath.Join(c.dir, "theirs")
	if err := os.WriteFile(tokens, []byte(strings.Join(ids, " ")), 0o600); err != nil {
		return difference{}, err
	}
	threads, length := strconv.Itoa(c.threads), strconv.Itoa(chunk)
	if err := c.exec(ctx, c.gosling, "logits", "--device", "cpu", "--tokens-file", tokens, "--all", "--chunk", length,
		"--threads", threads, "--output", ours, "--force", model); err != nil {
		return difference{}, err
	}
	if err := c.exec(ctx, c.peer, model, tokens, length, threads, theirs); err != nil {
		return difference{}, err
	}
	return differenceOf(theirs, ours, vocab)
}

// exec runs a program and shows its output to the user.
func (c *checker) exec(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = c.stderr, c.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

// vocabOf returns the number of logits of a model.
func vocabOf(model string) (int, error) {
	f, err := gguf.Open(model)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	t, ok := f.Tensor("token_embd.weight")
	if !ok || len(t.Shape) != 2 {
		return 0, errors.New("tensor \"token_embd.weight\" is missing or not a matrix")
	}
	return int(t.Shape[1]), nil
}
